"""Two wells of equal depth, one flat and one sharp."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Gt
from numpy.typing import ArrayLike, NDArray

from sdesim.kinds import kind
from sdesim.kinds.numbers import Array, as_index, as_theta, as_vectors
from sdesim.surfaces.base import Base, SurfaceKernel
from sdesim.surfaces.wells.sides import side

KERNELS = "sdesim.surfaces.wells.flat_sharp_kernels"


@kind("surfaces", "flat-sharp")
@dataclass(frozen=True)
class FlatSharp(Base):
    """One-dimensional; two wells of depth 0 at x = ∓s/2 with the curvatures k₁ ("flat") and k₂ ("sharp").

    L = q₁ q₂/(q₁ + q₂),  q₁ = ½ k₁ (x + s/2)²,  q₂ = ½ k₂ (x − s/2)².

    Half the harmonic mean of two parabolas: analytic everywhere, at each minimum L″ is exactly k₁ or k₂,
    and far out L grows like the parabola of curvature k₁k₂/(k₁ + k₂). The one barrier top lies where
    (x + s/2)/(s/2 − x) = ρ = (k₂/k₁)^{1/3}, nearer to the sharp well.

    Args:
        flat_curvature: k₁, L″ at the left minimum.
        sharp_curvature: k₂, L″ at the right minimum.
        separation: s, distance of the minima.

    Raises:
        Misfit: if a value is not above 0.

    Example:
        {kind: flat-sharp, flat_curvature: 1, sharp_curvature: 10, separation: 4}
    """

    flat_curvature: Annotated[float, Gt(0)]
    sharp_curvature: Annotated[float, Gt(0)]
    separation: Annotated[float, Gt(0)]

    @property
    def dim(self) -> int:
        """1."""
        return 1

    @property
    def wells(self) -> tuple[str, ...]:
        """Flat (left) and sharp (right)."""
        return ("flat", "sharp")

    @property
    def start(self) -> Array:
        """The minimum of the flat well (1,)."""
        return np.array(self.minima()[0])

    @property
    def top(self) -> float:
        """x of the barrier top."""
        rho = math.cbrt(self.sharp_curvature / self.flat_curvature)
        return 0.5 * self.separation * (rho - 1.0) / (rho + 1.0)

    def _parts(self, theta: ArrayLike) -> tuple[Array, Array, Array, Array]:
        """q₁′, q₂′ and the shares q₁/(q₁ + q₂), q₂/(q₁ + q₂), each (…)."""
        x = as_theta(theta, 1)[..., 0]
        left, right = x + 0.5 * self.separation, x - 0.5 * self.separation
        slope1, slope2 = self.flat_curvature * left, self.sharp_curvature * right
        q1, q2 = slope1 * left, slope2 * right
        return slope1, slope2, q1 / (q1 + q2), q2 / (q1 + q2)

    def loss(self, theta: ArrayLike) -> Array:
        """L: (…, 1) → (…)."""
        slope1, _, _, share2 = self._parts(theta)
        return np.asarray(0.5 * slope1**2 / self.flat_curvature * share2)

    def grad(self, theta: ArrayLike) -> Array:
        """q₁′ (q₂/S)² + q₂′ (q₁/S)², S = q₁ + q₂: (…, 1) → (…, 1)."""
        slope1, slope2, share1, share2 = self._parts(theta)
        return np.asarray(slope1 * share2**2 + slope2 * share1**2)[..., None]

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> Array:
        """L″ v with L″ = k₁ (q₂/S)² + k₂ (q₁/S)² − 2 (q₁′q₂ − q₂′q₁)²/S³: (…, 1), (…, 1) → (…, 1)."""
        theta, v = as_vectors(theta, v, 1)
        slope1, slope2, share1, share2 = self._parts(theta)
        total = 0.5 * (slope1**2 / self.flat_curvature + slope2**2 / self.sharp_curvature)
        cross = (slope1 * share2 - slope2 * share1) ** 2 / total
        curvature = self.flat_curvature * share2**2 + self.sharp_curvature * share1**2 - 2.0 * cross
        return np.asarray(curvature[..., None] * v)

    def minima(self) -> Array:
        """Flat and sharp minimum (2, 1)."""
        return np.array([[-0.5 * self.separation], [0.5 * self.separation]])

    def saddles(self, well: int) -> Array:
        """The barrier top (1, 1), of either well."""
        as_index(well, self.wells, "well")
        return np.array([[self.top]])

    def well(self, theta: ArrayLike) -> NDArray[np.int64]:
        """0 (flat) left of the barrier top, 1 (sharp) from it on, −1 for NaN: (…, 1) → (…)."""
        return side(as_theta(theta, 1)[..., 0], self.top)

    @property
    def single(self) -> bool:
        """True: nothing but arithmetic."""
        return True

    def kernel(self) -> SurfaceKernel:
        """The compiled side."""
        params = np.array([self.flat_curvature, self.sharp_curvature, 0.5 * self.separation, self.top])
        return SurfaceKernel(KERNELS, "grad", "loss", params, well="well", hvp="hvp")
