"""Events of `sdesim.simulate`, watched at every step: their classes, and `Base` for one's own."""

from __future__ import annotations

from typing import Any

from sdesim.engine import events as _home
from sdesim.engine.events import Base as Base
from sdesim.engine.events import Bounds as Bounds
from sdesim.engine.events import Event as Event


def __getattr__(name: str) -> Any:
    return getattr(_home, name)


def __dir__() -> list[str]:
    return dir(_home)
