"""A torus: what leaves on one side comes in on the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sdesim.engine.walls.base import Base, Coordinate, WallKernel, check_sides
from sdesim.kinds import kind


@kind("walls", "periodic")
@dataclass(frozen=True)
class Periodic(Base):
    """One coordinate on a circle from lower to upper, θ taken modulo upper − lower.

    The surface should have that period; where it has not, the drift jumps at the seam.

    Args:
        lower: where the circle is cut.
        upper: the same point.
        coordinate: which coordinate of θ.

    Raises:
        Misfit: lower is not below upper.

    Example:
        {kind: periodic, lower: -3.0, upper: 3.0}
    """

    lower: float
    upper: float
    coordinate: Coordinate = 0

    def __post_init__(self) -> None:
        check_sides(self.lower, self.upper)

    def kernel(self) -> WallKernel:
        """The compiled side."""
        return WallKernel(
            "sdesim.engine.walls.kernels", "wrap", np.array([*self.interval, float(self.coordinate)])
        )
