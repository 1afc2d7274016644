"""Loss surfaces: frozen objects with value, gradient and Hessian-vector product, and their compiled twins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdesim.surfaces.base import Surface as Surface
    from sdesim.surfaces.base import SurfaceKernel as SurfaceKernel
    from sdesim.surfaces.base import hessian as hessian
    from sdesim.surfaces.classic import Product as Product
    from sdesim.surfaces.classic import Rosenbrock as Rosenbrock
    from sdesim.surfaces.classic import Styblinski as Styblinski
    from sdesim.surfaces.custom_surface import Custom as Custom
    from sdesim.surfaces.custom_surface import custom as custom
    from sdesim.surfaces.masked_surface import Masked as Masked
    from sdesim.surfaces.masked_surface import masked as masked
    from sdesim.surfaces.network.mlp import MLP as MLP
    from sdesim.surfaces.regression import LeastSquares as LeastSquares
    from sdesim.surfaces.regression import RandomFeatures as RandomFeatures
    from sdesim.surfaces.rough import Rough as Rough
    from sdesim.surfaces.rough import roughness_exponent as roughness_exponent
    from sdesim.surfaces.simple import DoubleWell as DoubleWell
    from sdesim.surfaces.simple import Flat as Flat
    from sdesim.surfaces.simple import FlatSharp as FlatSharp
    from sdesim.surfaces.simple import Quadratic as Quadratic
    from sdesim.surfaces.torch.surface import TorchSurface as TorchSurface
    from sdesim.surfaces.wells import Wells as Wells

_HOMES = {
    "Surface": "base",
    "SurfaceKernel": "base",
    "hessian": "base",
    "Product": "classic",
    "Rosenbrock": "classic",
    "Styblinski": "classic",
    "MLP": "network.mlp",
    "LeastSquares": "regression",
    "RandomFeatures": "regression",
    "Masked": "masked_surface",
    "masked": "masked_surface",
    "Rough": "rough",
    "roughness_exponent": "rough",
    "DoubleWell": "simple",
    "Flat": "simple",
    "FlatSharp": "simple",
    "Quadratic": "simple",
    "TorchSurface": "torch.surface",
    "Custom": "custom_surface",
    "custom": "custom_surface",
    "Wells": "wells",
}

__all__ = [
    "MLP",
    "Custom",
    "DoubleWell",
    "Flat",
    "FlatSharp",
    "LeastSquares",
    "Masked",
    "Product",
    "Quadratic",
    "RandomFeatures",
    "Rosenbrock",
    "Rough",
    "Styblinski",
    "Surface",
    "SurfaceKernel",
    "TorchSurface",
    "Wells",
    "custom",
    "hessian",
    "masked",
    "roughness_exponent",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
