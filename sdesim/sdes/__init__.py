"""Stochastic differential equations dx = f(t, x) dt + B(t, x) dW that are no descent of a loss.

Every shipped equation is a name of this package; `SDE` is one of anyone's own functions, and `Base` what a
kind of one's own inherits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdesim.kinds.bases import public_names

if TYPE_CHECKING:
    from sdesim.sdes.base import Base as Base
    from sdesim.sdes.custom_sde import SDE as SDE
    from sdesim.sdes.moments import Moments as Moments

_HOMES = {"Base": "base", "Moments": "moments", "SDE": "custom_sde"}

_get, __dir__ = public_names(__name__, "sdes", _HOMES)


def __getattr__(name: str) -> Any:
    return _get(name)
