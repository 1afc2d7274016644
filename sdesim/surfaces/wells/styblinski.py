"""Styblinski and Tang's wells."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import ArrayLike, NDArray

from sdesim.kinds import kind
from sdesim.kinds.numbers import Array, as_index, as_theta, as_vectors
from sdesim.surfaces.base import Base, SurfaceKernel

KERNELS = "sdesim.surfaces.wells.styblinski_kernels"
# Every one of the 2^d wells is named up to this dimension.
_MOST_NAMED = 10
# Barrier top of x⁴ − 16x² + 5x and its minima left and right of it: roots of 4x³ − 32x + 5 (Viète).
_LEFT, _TOP, _RIGHT = sorted(
    2.0 * math.sqrt(8.0 / 3.0) * math.cos((math.acos(-0.625 / (8.0 / 3.0) ** 1.5) - 2.0 * math.pi * k) / 3.0)
    for k in range(3)
)


@kind("surfaces", "styblinski")
@dataclass(frozen=True)
class Styblinski(Base):
    """L = ½ Σ x_i⁴ − 16 x_i² + 5 x_i: 2^d minima, each x_i at −2.9035 (deeper) or 2.7468.

    Up to 10 dimensions every well has a name of one letter for each coordinate, l left and r right of the
    barrier top at 0.1567: "ll", "lr", "rl", "rr". From 11 on there are too many: wells are counted by how
    many coordinates lie right of the top, "0" (the global minimum) to "d", which is what the depth depends
    on; `minima` then gives one of each kind, the first coordinates right.

    Args:
        dim: number of coordinates d.

    Raises:
        Misfit: if dim is below 1.

    Source: M. Styblinski, T.-S. Tang, "Experiments in nonconvex optimization", Neural Networks 3 (1990).

    Example:
        {kind: styblinski, dim: 3}
    """

    dim: Annotated[int, Ge(1)] = 2

    @property
    def wells(self) -> tuple[str, ...]:
        """Sides by letter, or how many coordinates are right."""
        if self.dim > _MOST_NAMED:
            return tuple(str(k) for k in range(self.dim + 1))
        return tuple("".join(sides) for sides in product("lr", repeat=self.dim))

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
        x, v = as_vectors(theta, v, self.dim)
        return np.asarray((6.0 * x**2 - 16.0) * v)

    def minima(self) -> Array:
        """In the order of `wells`: (2^d, d), or (d + 1, d) from 11 dimensions on."""
        if self.dim > _MOST_NAMED:
            return np.where(np.tri(self.dim + 1, self.dim, -1) > 0, _RIGHT, _LEFT)
        return np.array(list(product((_LEFT, _RIGHT), repeat=self.dim)))

    def saddles(self, well: int) -> Array:
        """The minimum of the well with one coordinate at the barrier top (d, d), one for each."""
        out = np.tile(self.minima()[as_index(well, self.wells, "well")], (self.dim, 1))
        np.fill_diagonal(out, _TOP)
        return out

    def well(self, theta: ArrayLike) -> NDArray[np.int64]:
        """Index into `wells`, −1 if not finite: (…, d) → (…)."""
        x = as_theta(theta, self.dim)
        place = np.ones(self.dim) if self.dim > _MOST_NAMED else 2.0 ** np.arange(self.dim - 1, -1, -1)
        index = (x >= _TOP) @ place
        return np.where(np.all(np.isfinite(x), axis=-1), index, -1).astype(np.int64)

    @property
    def single(self) -> bool:
        """True: nothing but arithmetic."""
        return True

    def kernel(self) -> SurfaceKernel:
        """The compiled side."""
        params = np.array([_TOP, float(self.dim <= _MOST_NAMED)])
        return SurfaceKernel(
            KERNELS,
            "grad",
            "loss",
            params,
            well="well",
            hvp="hvp",
            slope="slope",
        )
