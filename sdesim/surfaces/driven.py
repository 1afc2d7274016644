"""A surface that a force pulls to and fro."""

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
def loss(x, params, data0, data1, out):
    base_loss(x, params[{at}:], data0, data1, out)
    for i in range(x.shape[0]):
        pull = force(i, params)
        for w in range(x.shape[1]):
            out[w] -= pull * x[i, w]
""",
    "grad": """

@compiled
def grad(x, params, data0, data1, out):
    base_grad(x, params[{at}:], data0, data1, out)
    for i in range(x.shape[0]):
        pull = force(i, params)
        for w in range(x.shape[1]):
            out[i, w] -= pull
""",
    "hvp": """

@compiled
def hvp(x, v, params, data0, data1, out):
    base_hvp(x, v, params[{at}:], data0, data1, out)
""",
    "well": """

@compiled
def well(x, lane, params):
    return base_well(x, lane, params[{at}:])
""",
}


@kind("surfaces", "driven")
@dataclass(frozen=True)
class Driven(Base):
    """L(θ) − f(t)·θ: a surface with a force that changes in time, such as that of stochastic resonance.

    A scheme reads the force at the times at which it evaluates the drift. In Python `loss` and `grad` are
    those at t = 0, and ``at(time)`` is the surface of another moment. Wells are the base surface's, where θ
    lies without the force.

    Args:
        surface: L.
        force: f, a number, a schedule or in Python a function of t that Numba can compile; for all
            coordinates, or one each.

    Raises:
        Misfit: there is not one force for each coordinate.

    Source: L. Gammaitoni, P. Hänggi, P. Jung & F. Marchesoni, Rev. Mod. Phys. 70 (1998) 223.

    Example:
        kind: driven
        surface: {kind: double-well}
        force: {kind: periodic, v: 0.0, amplitude: 0.1, period: 50.0}
    """

    surface: Annotated[Any, OneOf("surfaces", take=("dim", "start", "grad", "kernel"))]
    force: Annotated[Any, Vector()]

    def __post_init__(self) -> None:
        if isinstance(self.force, tuple) and len(self.force) != self.dim:
            raise Misfit("force", f"found {len(self.force)}, allowed: one, or {self.dim}")

    @property
    def dim(self) -> int:
        """That of the surface."""
        return int(self.surface.dim)

    @property
    def start(self) -> Array:
        """That of the surface."""
        return np.array(self.surface.start)

    @property
    def wells(self) -> tuple[str, ...]:
        """Those of the surface."""
        return tuple(self.surface.wells)

    def at(self, time: float) -> Driven:
        """With the force of a moment."""
        return replace(self, force=frozen(self.force, time))

    def problems_until(self, time: float) -> Iterator[tuple[str, str]]:
        """A force that is not finite somewhere."""
        found = vector_problem(self.force, time)
        if found is not None:
            yield "force", found

    @property
    def _pull(self) -> Array:
        return vector_at(self.force, 0.0, self.dim)

    def loss(self, theta: ArrayLike) -> Array:
        """L(θ) − f(0)·θ: (…, d) → (…)."""
        x = as_theta(theta, self.dim)
        return np.asarray(self.surface.loss(x) - np.sum(self._pull * x, axis=-1))

    def grad(self, theta: ArrayLike) -> Array:
        """∇L(θ) − f(0): (…, d) → (…, d)."""
        return np.asarray(self.surface.grad(theta) - self._pull)

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> Array:
        """∇²L(θ) v: (…, d), (…, d) → (…, d)."""
        return np.asarray(self.surface.hvp(theta, v))

    def minima(self) -> Array:
        """Those of the surface where there is no force at t = 0; else none is known."""
        return np.asarray(self.surface.minima()) if not self._pull.any() else np.zeros((0, self.dim))

    def well(self, theta: ArrayLike) -> NDArray[np.int64]:
        """The surface's: (…, d) → (…)."""
        return np.asarray(self.surface.well(theta), dtype=np.int64)

    def kernel(self) -> SurfaceKernel:
        """The compiled side: the surface's functions and the force."""
        return self._kernel

    @cached_property
    def _kernel(self) -> SurfaceKernel:
        base: SurfaceKernel = steady(self.surface.kernel(), "driven")
        text = Text()
        roles = [role for role in text.base("base", base) if role in _FUNCTIONS]
        text.vector(self.force, "force")
        text.body += "".join(_FUNCTIONS[role].format(at=text.size) for role in roles)
        return text.kernel(base, roles, base.params)
