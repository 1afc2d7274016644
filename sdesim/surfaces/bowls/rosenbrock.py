"""Rosenbrock's curved valley."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import ArrayLike, NDArray

from sdesim.kinds import kind
from sdesim.kinds.numbers import Array, as_theta, as_vectors
from sdesim.surfaces.base import Base, SurfaceKernel

KERNELS = "sdesim.surfaces.bowls.rosenbrock_kernels"


@kind("surfaces", "rosenbrock")
@dataclass(frozen=True)
class Rosenbrock(Base):
    """L = Σ_{i<d−1} 100 (x_{i+1} − x_i²)² + (1 − x_i)²: a curved valley, least at (1, …, 1).

    From 4 dimensions on it has a second minimum near (−1, 1, …, 1); the plane x₀ = 0 stands for the border
    of its well.

    Args:
        dim: number of coordinates d, at least 2.

    Raises:
        Misfit: if dim is below 2.

    Source: H. Rosenbrock, "An automatic method for finding the greatest or least value of a function",
    Comput. J. 3 (1960), for two dimensions.

    Example:
        {kind: rosenbrock, dim: 4}
    """

    dim: Annotated[int, Ge(2)] = 2

    @property
    def wells(self) -> tuple[str, ...]:
        """The global minimum, and from 4 dimensions on the local one."""
        return ("global",) if self.dim < 4 else ("global", "local")

    @property
    def start(self) -> Array:
        """(−1.2, 1, −1.2, 1, …) (d,), Rosenbrock's own starting point."""
        return np.where(np.arange(self.dim) % 2 == 0, -1.2, 1.0)

    def loss(self, theta: ArrayLike) -> Array:
        """L: (…, d) → (…)."""
        x = as_theta(theta, self.dim)
        bend = x[..., 1:] - x[..., :-1] ** 2
        return np.asarray(np.sum(100.0 * bend**2 + (1.0 - x[..., :-1]) ** 2, axis=-1))

    def grad(self, theta: ArrayLike) -> Array:
        """∇L: (…, d) → (…, d)."""
        x = as_theta(theta, self.dim)
        bend = x[..., 1:] - x[..., :-1] ** 2
        out = np.zeros_like(x)
        out[..., :-1] = -400.0 * x[..., :-1] * bend - 2.0 * (1.0 - x[..., :-1])
        out[..., 1:] += 200.0 * bend
        return out

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> Array:
        """∇²L v, ∇²L tridiagonal: (…, d), (…, d) → (…, d)."""
        x, v = as_vectors(theta, v, self.dim)
        left, right = x[..., :-1], x[..., 1:]
        out = np.zeros(x.shape)
        out[..., :-1] = (1200.0 * left**2 - 400.0 * right + 2.0) * v[..., :-1] - 400.0 * left * v[..., 1:]
        out[..., 1:] += 200.0 * v[..., 1:] - 400.0 * left * v[..., :-1]
        return out

    def minima(self) -> Array:
        """(1, …, 1), and from 4 dimensions on the local minimum, by Newton's method: (m, d)."""
        lowest = np.ones(self.dim)
        if self.dim < 4:
            return lowest[None]
        local = np.ones(self.dim)
        local[0] = -1.0
        for _ in range(50):
            step = np.linalg.solve(self.hvp(local, np.eye(self.dim)), self.grad(local))
            local = local - step
            if np.max(np.abs(step)) < 1e-14:
                break
        return np.stack([lowest, local])

    def well(self, theta: ArrayLike) -> NDArray[np.int64]:
        """0 for x₀ ≥ 0 (everywhere below 4 dimensions), 1 for x₀ < 0, −1 if not finite: (…, d) → (…)."""
        x = as_theta(theta, self.dim)
        side = (x[..., 0] < 0.0) & (self.dim >= 4)
        return np.where(np.all(np.isfinite(x), axis=-1), side, -1).astype(np.int64)

    @property
    def single(self) -> bool:
        """True: nothing but arithmetic."""
        return True

    def kernel(self) -> SurfaceKernel:
        """The compiled side."""
        well = "single_well" if self.dim < 4 else "well"
        return SurfaceKernel(KERNELS, "grad", "loss", np.zeros(0), well=well, hvp="hvp")
