"""Coefficients that change in time: one file each, and `Base` for one's own.

A schedule stands wherever a coefficient stands, as {kind: …} in a file; in Python a function of t does too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdesim.kinds.bases import public_names

if TYPE_CHECKING:
    from sdesim.schedules.base import Base as Base
    from sdesim.schedules.base import OfTime as OfTime
    from sdesim.schedules.coefficient import Coefficient as Coefficient
    from sdesim.schedules.coefficient import at as at
    from sdesim.schedules.coefficient import moves as moves

_HOMES = {
    "Base": "base",
    "OfTime": "base",
    "Coefficient": "coefficient",
    "at": "coefficient",
    "moves": "coefficient",
}

_get, __dir__ = public_names(__name__, "schedules", _HOMES)


def __getattr__(name: str) -> Any:
    return _get(name)
