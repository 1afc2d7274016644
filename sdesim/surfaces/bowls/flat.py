"""No drift: the noise alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import ArrayLike

from sdesim.kinds import kind
from sdesim.kinds.numbers import Array, as_theta, as_vectors
from sdesim.surfaces.base import Base, SurfaceKernel

KERNELS = "sdesim.surfaces.bowls.flat_kernels"


@kind("surfaces", "flat")
@dataclass(frozen=True)
class Flat(Base):
    """L = 0: no drift, the noise alone.

    Args:
        dim: number of coordinates d.

    Example:
        {kind: flat, dim: 2}
    """

    dim: Annotated[int, Ge(1)]

    def loss(self, theta: ArrayLike) -> Array:
        """0: (…, d) → (…)."""
        return np.zeros(as_theta(theta, self.dim).shape[:-1])

    def grad(self, theta: ArrayLike) -> Array:
        """0: (…, d) → (…, d)."""
        return np.zeros_like(as_theta(theta, self.dim))

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> Array:
        """0: (…, d), (…, d) → (…, d)."""
        x, v = as_vectors(theta, v, self.dim)
        return np.zeros_like(x)

    @property
    def single(self) -> bool:
        """True: nothing but arithmetic."""
        return True

    def kernel(self) -> SurfaceKernel:
        """The compiled side."""
        return SurfaceKernel(KERNELS, "grad", "loss", np.zeros(0), hvp="hvp")
