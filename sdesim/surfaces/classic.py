"""Classic test functions: Rosenbrock's valley, Styblinski and Tang's wells, the product of layers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.kinds.numbers import Array, as_theta, whole
from sdesim.surfaces.base import SurfaceKernel

MODULE = "sdesim.surfaces.classic_kernels"
# Every one of the 2^d wells is named up to this dimension.
_MOST_NAMED = 10
# Barrier top of x⁴ − 16x² + 5x and its minima left and right of it: roots of 4x³ − 32x + 5 (Viète).
_LEFT, _TOP, _RIGHT = sorted(
    2.0 * math.sqrt(8.0 / 3.0) * math.cos((math.acos(-0.625 / (8.0 / 3.0) ** 1.5) - 2.0 * math.pi * k) / 3.0)
    for k in range(3)
)


@dataclass(frozen=True)
class Rosenbrock:
    """L = Σ_{i<d−1} 100 (x_{i+1} − x_i²)² + (1 − x_i)²: a curved valley, least at (1, …, 1).

    From 4 dimensions on it has a second minimum near (−1, 1, …, 1); the plane x₀ = 0 stands for the border
    of its well.

    Args:
        dim: d, at least 2.

    Raises:
        SdesimError: if dim is below 2.
    """

    dim: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "dim", whole(self.dim, "dim", least=2))

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
        x, v = np.broadcast_arrays(as_theta(theta, self.dim), as_theta(v, self.dim, "v"))
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

    def kernel(self) -> SurfaceKernel:
        """The compiled side."""
        well = "single_well" if self.dim < 4 else "rosenbrock_well"
        return SurfaceKernel(
            MODULE, "rosenbrock_grad", "rosenbrock_loss", np.zeros(0), well=well, hvp="rosenbrock_hvp"
        )


@dataclass(frozen=True)
class Styblinski:
    """L = ½ Σ x_i⁴ − 16 x_i² + 5 x_i: 2^d minima, each x_i at −2.9035 (deeper) or 2.7468.

    Up to 10 dimensions every well has a name of one letter for each coordinate, l left and r right of the
    barrier top at 0.1567: "ll", "lr", "rl", "rr". From 11 on there are too many: wells are counted by how
    many coordinates lie right of the top, "0" (the global minimum) to "d", which is what the depth depends
    on; `minima` then gives one of each kind, the first coordinates right.

    Args:
        dim: d.

    Raises:
        SdesimError: if dim is below 1.
    """

    dim: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "dim", whole(self.dim, "dim"))

    @property
    def wells(self) -> tuple[str, ...]:
        """Sides by letter, or how many coordinates are right."""
        if self.dim > _MOST_NAMED:
            return tuple(str(k) for k in range(self.dim + 1))
        return tuple("".join(sides) for sides in product("lr", repeat=self.dim))

    @property
    def start(self) -> Array:
        """The origin (d,)."""
        return np.zeros(self.dim)

    def loss(self, theta: ArrayLike) -> Array:
        """L: (…, d) → (…)."""
        x = as_theta(theta, self.dim)
        return np.asarray(0.5 * np.sum(((x * x - 16.0) * x + 5.0) * x, axis=-1))

    def grad(self, theta: ArrayLike) -> Array:
        """2x³ − 16x + 5/2: (…, d) → (…, d)."""
        x = as_theta(theta, self.dim)
        return np.asarray((2.0 * x * x - 16.0) * x + 2.5)

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> Array:
        """(6x² − 16) v: (…, d), (…, d) → (…, d)."""
        return np.asarray((6.0 * as_theta(theta, self.dim) ** 2 - 16.0) * as_theta(v, self.dim, "v"))

    def minima(self) -> Array:
        """In the order of `wells`: (2^d, d), or (d + 1, d) from 11 dimensions on."""
        if self.dim > _MOST_NAMED:
            return np.where(np.tri(self.dim + 1, self.dim, -1) > 0, _RIGHT, _LEFT)
        return np.array(list(product((_LEFT, _RIGHT), repeat=self.dim)))

    def well(self, theta: ArrayLike) -> NDArray[np.int64]:
        """Index into `wells`, −1 if not finite: (…, d) → (…)."""
        x = as_theta(theta, self.dim)
        place = np.ones(self.dim) if self.dim > _MOST_NAMED else 2.0 ** np.arange(self.dim - 1, -1, -1)
        index = (x >= _TOP) @ place
        return np.where(np.all(np.isfinite(x), axis=-1), index, -1).astype(np.int64)

    def kernel(self) -> SurfaceKernel:
        """The compiled side."""
        params = np.array([_TOP, float(self.dim <= _MOST_NAMED)])
        return SurfaceKernel(
            MODULE,
            "styblinski_grad",
            "styblinski_loss",
            params,
            well="styblinski_well",
            hvp="styblinski_hvp",
        )


@dataclass(frozen=True)
class Product:
    """L = ½ (∏ θ_i − 1)²: a chain of scalar linear layers fitting one number, the edge-of-stability toy.

    Its minima are the whole set ∏ θ_i = 1, taken as one well; λ_max there is Σ_i 1/θ_i², least (= depth) at
    the balanced (1, …, 1), which `minima` gives for the set.

    Args:
        depth: d, number of layers, at least 2.

    Raises:
        SdesimError: if depth is below 2.
    """

    depth: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "depth", whole(self.depth, "depth", least=2))

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
        x, v = np.broadcast_arrays(as_theta(theta, self.dim), as_theta(v, self.dim, "v"))
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
        return SurfaceKernel(
            MODULE, "product_grad", "product_loss", np.zeros(0), well="single_well", hvp="product_hvp"
        )
