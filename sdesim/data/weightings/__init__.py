"""How likely each training example is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdesim.kinds.bases import public_names

if TYPE_CHECKING:
    from sdesim.data.weightings.balanced import Balanced as Balanced
    from sdesim.data.weightings.base import Base as Base
    from sdesim.data.weightings.classes import Classes as Classes

_HOMES = {
    "Base": "base",
}

_get, __dir__ = public_names(__name__, "weightings", _HOMES)


def __getattr__(name: str) -> Any:
    return _get(name)
