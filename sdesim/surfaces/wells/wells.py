"""A chain of wells in one dimension, whose widths and depths are chosen one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.kinds import Misfit, kind
from sdesim.kinds.numbers import Array, as_index, as_theta, as_vectors
from sdesim.surfaces.base import Base, SurfaceKernel

KERNELS = "sdesim.surfaces.wells.wells_kernels"


@kind("surfaces", "wells")
@dataclass(frozen=True)
class Wells(Base):
    """A chain of wells in one dimension: L has its stationary points and its values there as given.

    Between neighbours a < b: L = L_a + (L_b − L_a)(3t² − 2t³), t = (x − a)/(b − a); outside the first and
    last a parabola of the curvature inside. L and L′ are continuous, L″ jumps at the stationary points.

    Args:
        points: minimum, maximum, minimum, …, minimum, ascending; an odd number of them.
        heights: L at the points; each maximum above its two neighbours.
        names: of the wells; without them "well-1", "well-2", ….

    Raises:
        Misfit: points that do not ascend or alternate, or names that don't fit.

    Example:
        {kind: wells, points: [-1, 0, 2], heights: [0, 1, -0.5], names: [narrow, wide]}
    """

    points: tuple[float, ...]
    heights: tuple[float, ...]
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.points)
        if count % 2 == 0 or count < 3:
            rule = "3, 5, 7, … of them (minimum, maximum, minimum, …)"
            raise Misfit("points", f"found {count} numbers, allowed: {rule}")
        if len(self.heights) != count:
            raise Misfit("heights", f"found {len(self.heights)} numbers, allowed: {count}, like points")
        if not (np.diff(self.points) > 0).all():
            raise Misfit("points", f"found {list(self.points)}, allowed: ascending numbers")
        rises = np.diff(self.heights) * np.where(np.arange(count - 1) % 2, -1.0, 1.0)
        if not (rises > 0).all():
            rule = "every second one above both of its neighbours"
            raise Misfit("heights", f"found {list(self.heights)}, allowed: {rule}")
        wells = (count + 1) // 2
        if self.names and (len(self.names) != wells or len(set(self.names)) != wells):
            raise Misfit("names", f"found {list(self.names)}, allowed: {wells} different ones")

    @property
    def dim(self) -> int:
        """1."""
        return 1

    @property
    def wells(self) -> tuple[str, ...]:
        """The names."""
        return self.names or tuple(f"well-{k + 1}" for k in range((len(self.points) + 1) // 2))

    @property
    def start(self) -> Array:
        """The first minimum (1,)."""
        return np.array([self.points[0]])

    def _walls(self) -> tuple[float, float]:
        """Curvature of the two outer parabolas."""
        p, h = np.array(self.points), np.array(self.heights)
        return (
            float(6 * (h[1] - h[0]) / (p[1] - p[0]) ** 2),
            float(6 * (h[-2] - h[-1]) / (p[-1] - p[-2]) ** 2),
        )

    def _pieces(self, theta: ArrayLike) -> tuple[Array, Array, Array, Array, Array]:
        """x, and of its piece: start, width, height, rise; x outside is handled by the caller."""
        x = as_theta(theta, 1)[..., 0]
        p, h = np.array(self.points), np.array(self.heights)
        k = np.clip(np.searchsorted(p, x, side="right") - 1, 0, len(p) - 2)
        return x, p[k], (p[1:] - p[:-1])[k], h[k], (h[1:] - h[:-1])[k]

    def _outside(self, x: Array, inside: Array, left: Any, right: Any) -> Array:
        return np.asarray(np.where(x < self.points[0], left, np.where(x > self.points[-1], right, inside)))

    def loss(self, theta: ArrayLike) -> Array:
        """L: (…, 1) → (…)."""
        x, a, width, height, rise = self._pieces(theta)
        t = (x - a) / width
        low, high = self._walls()
        left = self.heights[0] + 0.5 * low * (x - self.points[0]) ** 2
        right = self.heights[-1] + 0.5 * high * (x - self.points[-1]) ** 2
        return self._outside(x, height + rise * (t * t * (3 - 2 * t)), left, right)

    def grad(self, theta: ArrayLike) -> Array:
        """6 (L_b − L_a) t (1 − t)/(b − a): (…, 1) → (…, 1)."""
        x, a, width, _, rise = self._pieces(theta)
        t = (x - a) / width
        low, high = self._walls()
        inside = 6 * rise / width * (t * (1 - t))
        return self._outside(x, inside, low * (x - self.points[0]), high * (x - self.points[-1]))[..., None]

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> Array:
        """6 (L_b − L_a)(1 − 2t)/(b − a)² v: (…, 1), (…, 1) → (…, 1)."""
        points, vectors = as_vectors(theta, v, 1)
        x, a, width, _, rise = self._pieces(points)
        t = (x - a) / width
        low, high = self._walls()
        bend = self._outside(x, 6 * rise / width**2 * (1 - 2 * t), low, high)
        return np.asarray(bend[..., None] * vectors)

    def minima(self) -> Array:
        """The minima (m, 1)."""
        return np.array(self.points[::2])[:, None]

    def saddles(self, well: int) -> Array:
        """The maxima beside a well (1 or 2, 1)."""
        tops, well = self.points[1::2], as_index(well, self.wells, "well")
        return np.array(tops[max(0, well - 1) : well + 1])[:, None]

    def well(self, theta: ArrayLike) -> NDArray[np.int64]:
        """Number of maxima at or left of x, −1 for NaN: (…, 1) → (…)."""
        x = as_theta(theta, 1)[..., 0]
        found = np.searchsorted(np.array(self.points[1::2]), x, side="right")
        return np.where(np.isnan(x), -1, found).astype(np.int64)

    @property
    def single(self) -> bool:
        """True: nothing but arithmetic."""
        return True

    def kernel(self) -> SurfaceKernel:
        """The compiled side; params = [stationary points, heights, left and right wall]."""
        params = np.array([*self.points, *self.heights, *self._walls()])
        return SurfaceKernel(KERNELS, "grad", "loss", params, well="well", hvp="hvp")
