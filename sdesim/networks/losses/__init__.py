"""Losses of a network's outputs: recipes, of which torch functions and compiled surfaces are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdesim.kinds.bases import public_names

if TYPE_CHECKING:
    from sdesim.networks.losses.base import Base as Base
    from sdesim.networks.losses.bce_with_logits import BCEWithLogits as BCEWithLogits
    from sdesim.networks.losses.cross_entropy import CrossEntropy as CrossEntropy
    from sdesim.networks.losses.hinge import Hinge as Hinge
    from sdesim.networks.losses.mixture import Mixture as Mixture
    from sdesim.networks.losses.mse import MSE as MSE

_HOMES = {
    "Base": "base",
}

_get, __dir__ = public_names(__name__, "losses", _HOMES)


def __getattr__(name: str) -> Any:
    return _get(name)
