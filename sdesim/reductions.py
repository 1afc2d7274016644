"""Reductions of `sdesim.simulate(reduce=[…])`: their classes, `Base` for one's own, and `estimate`."""

from __future__ import annotations

from typing import Any

from sdesim.engine import reductions as _home
from sdesim.engine.reductions import Base as Base


def __getattr__(name: str) -> Any:
    return getattr(_home, name)


def __dir__() -> list[str]:
    return dir(_home)
