"""Random changes of inputs, drawn anew for each batch that training reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdesim.kinds.bases import public_names

if TYPE_CHECKING:
    from sdesim.data.augmentations.base import Base as Base
    from sdesim.data.augmentations.crop import Crop as Crop
    from sdesim.data.augmentations.flip import Flip as Flip
    from sdesim.data.augmentations.noise import Noise as Noise

_HOMES = {
    "Base": "base",
}

_get, __dir__ = public_names(__name__, "augmentations", _HOMES)


def __getattr__(name: str) -> Any:
    return _get(name)
