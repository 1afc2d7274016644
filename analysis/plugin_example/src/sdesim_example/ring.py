"""A ring of minima: the simplest surface whose minima are no isolated points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from sdesim.kinds import Array, kind
from sdesim.surfaces import Base, SurfaceKernel


@kind("surfaces", "ring")
@dataclass(frozen=True)
class Ring(Base):
    """L = ¼ s (|x|² − 1)²: every point of the unit sphere is a minimum, where L″ = 2s across it, 0 along it.

    Args:
        dim: number of coordinates d; with 2 the minima are a ring.
        stiffness: s.

    Source: the usual Mexican hat, as in J. Goldstone, Nuovo Cimento 19 (1961).

    Example:
        {kind: ring, dim: 3, stiffness: 2}
    """

    dim: Annotated[int, Ge(2)] = 2
    stiffness: Annotated[float, Gt(0)] = 1.0

    @property
    def start(self) -> Array:
        """The minimum (1, 0, …) (d,)."""
        return np.eye(self.dim)[0]

    def kernel(self) -> SurfaceKernel:
        """Names of the compiled functions; params = [s]. Values in Python come from them too."""
        params = np.array([self.stiffness])
        return SurfaceKernel("sdesim_example.ring_kernels", "grad", "loss", params, hvp="hvp")
