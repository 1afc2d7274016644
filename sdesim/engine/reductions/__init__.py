"""Reductions: what is kept of all trajectories together at a step, in the place of their paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdesim.kinds.bases import public_names

if TYPE_CHECKING:
    from sdesim.engine.reductions.base import Base as Base
    from sdesim.engine.reductions.base import ReductionKernel as ReductionKernel
    from sdesim.engine.reductions.base import Setting as Setting
    from sdesim.engine.reductions.base import Variable as Variable
    from sdesim.engine.reductions.estimates import estimate as estimate

_get, __dir__ = public_names(
    __name__,
    "reductions",
    {
        "Base": "base",
        "ReductionKernel": "base",
        "Setting": "base",
        "Variable": "base",
        "estimate": "estimates",
    },
)


def __getattr__(name: str) -> Any:
    return _get(name)
