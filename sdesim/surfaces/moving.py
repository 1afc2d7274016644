"""A surface that is carried along."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.kinds import Misfit, OneOf, kind
from sdesim.kinds.numbers import Array, as_theta
from sdesim.surfaces.base import Base, SurfaceKernel
from sdesim.surfaces.timed import Text, Vector, frozen, steady, vector_at, vector_problem

_FUNCTIONS = {
    "loss": """

@compiled
def moved(x, params):
    out = np.empty_like(x)
    for i in range(x.shape[0]):
        away = path(i, params)
        for w in range(x.shape[1]):
            out[i, w] = x[i, w] - away
    return out


@compiled
def loss(x, params, data0, data1, out):
    base_loss(moved(x, params), params[{at}:], data0, data1, out)
""",
    "grad": """

@compiled
def grad(x, params, data0, data1, out):
    base_grad(moved(x, params), params[{at}:], data0, data1, out)
""",
    "hvp": """

@compiled
def hvp(x, v, params, data0, data1, out):
    base_hvp(moved(x, params), v, params[{at}:], data0, data1, out)
""",
    "well": """

@compiled
def well(x, lane, params):
    column = np.empty((x.shape[0], 1))
    for i in range(x.shape[0]):
        column[i, 0] = x[i, lane] - path(i, params)
    return base_well(column, 0, params[{at}:])
""",
}


@kind("surfaces", "moving")
@dataclass(frozen=True)
class Moving(Base):
    """L(θ − c(t)): a surface that moves along a path, such as the trap of optical tweezers.

    In Python `loss` and `grad` are those at t = 0, and ``at(time)`` is the surface of another moment.

    Args:
        surface: L.
        path: c, a number, a schedule or in Python a function of t that Numba can compile; for all
            coordinates, or one each.

    Raises:
        Misfit: there is not one for each coordinate.

    Example:
        {kind: moving, surface: {kind: double-well}, path: {kind: power, v: 0.1, exponent: 1.0}}
    """

    surface: Annotated[Any, OneOf("surfaces", take=("dim", "start", "grad", "kernel"))]
    path: Annotated[Any, Vector()]

    def __post_init__(self) -> None:
        if isinstance(self.path, tuple) and len(self.path) != self.dim:
            raise Misfit("path", f"found {len(self.path)}, allowed: one, or {self.dim}")

    @property
    def dim(self) -> int:
        """That of the surface."""
        return int(self.surface.dim)

    @property
    def start(self) -> Array:
        """That of the surface, carried to c(0)."""
        return np.array(self.surface.start) + self._center

    @property
    def wells(self) -> tuple[str, ...]:
        """Those of the surface."""
        return tuple(self.surface.wells)

    def at(self, time: float) -> Moving:
        """Where it is at a moment."""
        return replace(self, path=frozen(self.path, time))

    def problems_until(self, time: float) -> Iterator[tuple[str, str]]:
        """A path that is not finite somewhere."""
        found = vector_problem(self.path, time)
        if found is not None:
            yield "path", found

    @property
    def _center(self) -> Array:
        return vector_at(self.path, 0.0, self.dim)

    def _seen(self, theta: ArrayLike) -> Array:
        return as_theta(theta, self.dim) - self._center

    def loss(self, theta: ArrayLike) -> Array:
        """L(θ − c(0)): (…, d) → (…)."""
        return np.asarray(self.surface.loss(self._seen(theta)))

    def grad(self, theta: ArrayLike) -> Array:
        """∇L(θ − c(0)): (…, d) → (…, d)."""
        return np.asarray(self.surface.grad(self._seen(theta)))

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> Array:
        """∇²L(θ − c(0)) v: (…, d), (…, d) → (…, d)."""
        return np.asarray(self.surface.hvp(self._seen(theta), v))

    def minima(self) -> Array:
        """Those of the surface, carried to c(0)."""
        return np.asarray(self.surface.minima()) + self._center

    def well(self, theta: ArrayLike) -> NDArray[np.int64]:
        """The surface's well at θ − c(0): (…, d) → (…)."""
        return np.asarray(self.surface.well(self._seen(theta)), dtype=np.int64)

    def kernel(self) -> SurfaceKernel:
        """The compiled side: the surface's functions at θ − c(t)."""
        return self._kernel

    @cached_property
    def _kernel(self) -> SurfaceKernel:
        base: SurfaceKernel = steady(self.surface.kernel(), "moving")
        text = Text()
        roles = [role for role in text.base("base", base) if role in _FUNCTIONS]
        text.vector(self.path, "path")
        text.body += "".join(_FUNCTIONS[role].format(at=text.size) for role in roles)
        return text.kernel(base, roles, base.params)
