"""Observables of `sdesim.simulate(observe={…})`: their classes, and `Base` for one's own."""

from __future__ import annotations

from typing import Any

from sdesim.engine import observables as _home
from sdesim.engine.observables import Base as Base


def __getattr__(name: str) -> Any:
    return getattr(_home, name)


def __dir__() -> list[str]:
    return dir(_home)
