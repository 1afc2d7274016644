"""Two wells with a barrier between."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt
from numpy.typing import ArrayLike, NDArray

from sdesim.kinds import Misfit, kind
from sdesim.kinds.numbers import Array, as_index, as_theta, as_vectors
from sdesim.surfaces.base import Base, SurfaceKernel
from sdesim.surfaces.wells.sides import side

KERNELS = "sdesim.surfaces.wells.double_well_kernels"


@kind("surfaces", "double-well")
@dataclass(frozen=True)
class DoubleWell(Base):
    """L = b (x₀² − 1)² + tilt · x₀ + ½ Σ_{i>0} x_i²: wells near x₀ = ∓1, L″ = 8b there when tilt = 0.

    Args:
        dim: number of coordinates d.
        barrier: b, the height of the barrier when tilt = 0.
        tilt: slope along x₀; |tilt| < 8b/(3√3), so that both wells exist.

    Raises:
        Misfit: if a value is out of its range.

    Example:
        {kind: double-well, barrier: 0.25, tilt: 0.1}
    """

    dim: Annotated[int, Ge(1)] = 1
    barrier: Annotated[float, Gt(0)] = 0.25
    tilt: float = 0.0

    def __post_init__(self) -> None:
        limit = 8.0 * self.barrier / (3.0 * math.sqrt(3.0))
        if abs(self.tilt) >= limit:
            rule = f"within ±{limit:g} (8·barrier/(3√3)), which leaves both wells"
            raise Misfit("tilt", f"found {self.tilt:g}, allowed: {rule}")

    @property
    def wells(self) -> tuple[str, ...]:
        """Left and right."""
        return ("left", "right")

    @property
    def start(self) -> Array:
        """The minimum of the left well (d,)."""
        return np.array(self.minima()[0])

    def _stationary(self) -> tuple[float, float, float]:
        """Roots x₀ of 4b (x³ − x) + tilt, ascending: left minimum, barrier top, right minimum (Viète)."""
        if self.tilt == 0.0:
            return -1.0, 0.0, 1.0
        angle = math.acos(-3.0 * math.sqrt(3.0) * self.tilt / (8.0 * self.barrier)) / 3.0
        radius = 2.0 / math.sqrt(3.0)
        roots = [radius * math.cos(angle - 2.0 * math.pi * k / 3.0) for k in range(3)]
        left, top, right = sorted(roots)
        return left, top, right

    def loss(self, theta: ArrayLike) -> Array:
        """L: (…, d) → (…)."""
        x = as_theta(theta, self.dim)
        y = x[..., 0]
        rest = 0.5 * np.sum(x[..., 1:] ** 2, axis=-1)
        return np.asarray(self.barrier * (y * y - 1.0) ** 2 + self.tilt * y + rest)

    def grad(self, theta: ArrayLike) -> Array:
        """(4b x₀ (x₀² − 1) + tilt, x₁, …): (…, d) → (…, d)."""
        out = as_theta(theta, self.dim).copy()
        y = out[..., 0]
        out[..., 0] = 4.0 * self.barrier * y * (y * y - 1.0) + self.tilt
        return out

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> Array:
        """(4b (3x₀² − 1) v₀, v₁, …): (…, d), (…, d) → (…, d)."""
        x, v = as_vectors(theta, v, self.dim)
        out = v.copy()
        out[..., 0] = 4.0 * self.barrier * (3.0 * x[..., 0] ** 2 - 1.0) * v[..., 0]
        return out

    def minima(self) -> Array:
        """Left and right minimum (2, d)."""
        left, _, right = self._stationary()
        out = np.zeros((2, self.dim))
        out[:, 0] = left, right
        return out

    def saddles(self, well: int) -> Array:
        """The barrier top (1, d), of either well."""
        as_index(well, self.wells, "well")
        out = np.zeros((1, self.dim))
        out[0, 0] = self._stationary()[1]
        return out

    def well(self, theta: ArrayLike) -> NDArray[np.int64]:
        """0 left of the barrier top, 1 from it on, −1 for NaN: (…, d) → (…)."""
        return side(as_theta(theta, self.dim)[..., 0], self._stationary()[1])

    @property
    def single(self) -> bool:
        """True: nothing but arithmetic."""
        return True

    def kernel(self) -> SurfaceKernel:
        """The compiled side."""
        params = np.array([self.barrier, self.tilt, self._stationary()[1]])
        return SurfaceKernel(
            KERNELS,
            "grad",
            "loss",
            params,
            well="well",
            hvp="hvp",
            slope="slope",
        )
