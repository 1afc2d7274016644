"""A product of scalar layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import ArrayLike, NDArray

from sdesim.kinds import kind
from sdesim.kinds.numbers import Array, as_theta, as_vectors
from sdesim.surfaces.base import Base, SurfaceKernel

KERNELS = "sdesim.surfaces.bowls.product_kernels"


@kind("surfaces", "product")
@dataclass(frozen=True)
class Product(Base):
    """L = ½ (∏ θ_i − 1)²: a chain of scalar linear layers fitting one number, the edge-of-stability toy.

    Its minima are the whole set ∏ θ_i = 1, taken as one well; λ_max there is Σ_i 1/θ_i², least (= depth) at
    the balanced (1, …, 1), which `minima` gives for the set.

    Args:
        depth: d, number of layers, at least 2.

    Raises:
        Misfit: if depth is below 2.

    Example:
        {kind: product, depth: 4}
    """

    depth: Annotated[int, Ge(2)] = 2

    @property
    def dim(self) -> int:
        """d = depth."""
        return self.depth

    @property
    def wells(self) -> tuple[str, ...]:
        """One: the set ∏ θ_i = 1."""
        return ("minimum",)

    @property
    def start(self) -> Array:
        """(2, ½, …, ½, 0.1): unbalanced, below the set of minima (d,)."""
        point = np.full(self.depth, 0.5)
        point[0], point[-1] = 2.0, 0.1
        return point

    def _others(self, x: Array) -> Array:
        """∏_{j≠i} θ_j, without division: (…, d) → (…, d)."""
        ones = np.ones((*x.shape[:-1], 1))
        before = np.cumprod(np.concatenate([ones, x[..., :-1]], axis=-1), axis=-1)
        behind = np.cumprod(np.concatenate([ones, x[..., :0:-1]], axis=-1), axis=-1)[..., ::-1]
        return np.asarray(before * behind)

    def loss(self, theta: ArrayLike) -> Array:
        """½ (∏ θ_i − 1)²: (…, d) → (…)."""
        return np.asarray(0.5 * (np.prod(as_theta(theta, self.dim), axis=-1) - 1.0) ** 2)

    def grad(self, theta: ArrayLike) -> Array:
        """(P − 1) P_i with P = ∏ θ_j, P_i = ∏_{j≠i} θ_j: (…, d) → (…, d)."""
        x = as_theta(theta, self.dim)
        return np.asarray((np.prod(x, axis=-1, keepdims=True) - 1.0) * self._others(x))

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> Array:
        """P_i Σ_j P_j v_j + (P − 1) Σ_{j≠i} P_ij v_j: (…, d), (…, d) → (…, d)."""
        x, v = as_vectors(theta, v, self.dim)
        others = self._others(x)
        moved = np.zeros(x.shape)
        for j in range(self.dim):
            without = x.copy()
            without[..., j] = 1.0
            pairs = self._others(without)
            pairs[..., j] = 0.0
            moved += pairs * v[..., j : j + 1]
        slope = np.sum(others * v, axis=-1, keepdims=True)
        return np.asarray(others * slope + (np.prod(x, axis=-1, keepdims=True) - 1.0) * moved)

    def minima(self) -> Array:
        """The balanced one, (1, …, 1): (1, d)."""
        return np.ones((1, self.dim))

    def well(self, theta: ArrayLike) -> NDArray[np.int64]:
        """0 wherever θ is finite, −1 elsewhere: (…, d) → (…)."""
        inside = np.all(np.isfinite(as_theta(theta, self.dim)), axis=-1)
        return np.where(inside, 0, -1).astype(np.int64)

    def kernel(self) -> SurfaceKernel:
        """The compiled side."""
        return SurfaceKernel(KERNELS, "grad", "loss", np.zeros(0), well="single_well", hvp="hvp")
