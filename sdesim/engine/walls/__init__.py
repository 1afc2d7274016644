"""Walls: what happens to a trajectory that steps out of the region in which the equation holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdesim.kinds.bases import public_names

if TYPE_CHECKING:
    from sdesim.engine.walls.base import Base as Base
    from sdesim.engine.walls.base import WallKernel as WallKernel

_get, __dir__ = public_names(__name__, "walls", {"Base": "base", "WallKernel": "base"})


def __getattr__(name: str) -> Any:
    return _get(name)
