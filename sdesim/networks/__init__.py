"""Networks and their losses: recipes that know their sizes, and the torch modules and surfaces of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdesim.kinds.bases import public_names

if TYPE_CHECKING:
    from sdesim.networks.adopted import adopted as adopted
    from sdesim.networks.base import Base as Base
    from sdesim.networks.conv import Conv as Conv
    from sdesim.networks.mlp import MLP as MLP
    from sdesim.networks.recurrent import Recurrent as Recurrent
    from sdesim.networks.transformer import Transformer as Transformer

_HOMES = {
    "Base": "base",
    "adopted": "adopted",
}

_get, __dir__ = public_names(__name__, "networks", _HOMES)


def __getattr__(name: str) -> Any:
    return _get(name)
