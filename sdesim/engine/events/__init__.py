"""Events: what is watched at every step inside the kernel."""

from __future__ import annotations

from typing import Any

from sdesim.engine.events.base import Base as Base
from sdesim.engine.events.base import Bounds as Bounds
from sdesim.kinds.bases import public_names

Event = Base

_get, __dir__ = public_names(__name__, "events", {"Base": "base", "Bounds": "base"})


def __getattr__(name: str) -> Any:
    return _get(name)
