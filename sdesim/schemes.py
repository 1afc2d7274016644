"""Schemes of `sdesim.simulate`: their classes, and `Base` for one's own."""

from __future__ import annotations

from typing import Any

from sdesim.engine import schemes as _home
from sdesim.engine.schemes import SCHEMES as SCHEMES
from sdesim.engine.schemes import Base as Base
from sdesim.engine.schemes import Scheme as Scheme
from sdesim.engine.schemes import as_scheme as as_scheme


def __getattr__(name: str) -> Any:
    return getattr(_home, name)


def __dir__() -> list[str]:
    return dir(_home)
