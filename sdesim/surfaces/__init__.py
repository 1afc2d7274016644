"""Loss surfaces: frozen objects with value, gradient and Hessian-vector product, and their compiled twins.

Every kind of surface is a name of this package; `Base` is what one's own inherits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdesim.kinds.bases import public_names

if TYPE_CHECKING:
    from sdesim.surfaces.base import Base as Base
    from sdesim.surfaces.base import Evaluation as Evaluation
    from sdesim.surfaces.base import Surface as Surface
    from sdesim.surfaces.base import SurfaceKernel as SurfaceKernel
    from sdesim.surfaces.base import hessian as hessian
    from sdesim.surfaces.bowls.roughness import roughness_exponent as roughness_exponent
    from sdesim.surfaces.custom_surface import Custom as Custom
    from sdesim.surfaces.custom_surface import custom as custom
    from sdesim.surfaces.masked_surface import masked as masked
    from sdesim.surfaces.network.mlp import MLP as MLP
    from sdesim.surfaces.torch.surface import TorchSurface as TorchSurface

_HOMES = {
    "Base": "base",
    "Custom": "custom_surface",
    "Evaluation": "base",
    "MLP": "network.mlp",
    "Surface": "base",
    "SurfaceKernel": "base",
    "TorchSurface": "torch.surface",
    "custom": "custom_surface",
    "hessian": "base",
    "masked": "masked_surface",
    "roughness_exponent": "bowls.roughness",
}

_get, __dir__ = public_names(__name__, "surfaces", _HOMES)


def __getattr__(name: str) -> Any:
    return _get(name)
