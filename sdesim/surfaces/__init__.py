"""Loss surfaces: frozen objects with value, gradient and Hessian-vector product, and their compiled twins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdesim.surfaces.base import Surface as Surface
    from sdesim.surfaces.base import SurfaceKernel as SurfaceKernel
    from sdesim.surfaces.mlp import MLP as MLP
    from sdesim.surfaces.simple import DoubleWell as DoubleWell
    from sdesim.surfaces.simple import Flat as Flat
    from sdesim.surfaces.simple import FlatSharp as FlatSharp
    from sdesim.surfaces.simple import Quadratic as Quadratic

_HOMES = {
    "Surface": "sdesim.surfaces.base",
    "SurfaceKernel": "sdesim.surfaces.base",
    "MLP": "sdesim.surfaces.mlp",
    "DoubleWell": "sdesim.surfaces.simple",
    "Flat": "sdesim.surfaces.simple",
    "FlatSharp": "sdesim.surfaces.simple",
    "Quadratic": "sdesim.surfaces.simple",
}

__all__ = ["MLP", "DoubleWell", "Flat", "FlatSharp", "Quadratic", "Surface", "SurfaceKernel"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
