"""Laws of jumps: one file each, and `Base` for one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdesim.kinds.bases import public_names

if TYPE_CHECKING:
    from sdesim.noise.jumps.base import Base as Base

_get, __dir__ = public_names(__name__, "jumps", {"Base": "base"})


def __getattr__(name: str) -> Any:
    return _get(name)
