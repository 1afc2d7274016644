"""Penalties on a network's weights, added to the loss that training descends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdesim.kinds.bases import public_names

if TYPE_CHECKING:
    from sdesim.networks.penalties.base import Base as Base
    from sdesim.networks.penalties.l1 import L1 as L1
    from sdesim.networks.penalties.l2 import L2 as L2

_HOMES = {
    "Base": "base",
}

_get, __dir__ = public_names(__name__, "penalties", _HOMES)


def __getattr__(name: str) -> Any:
    return _get(name)
