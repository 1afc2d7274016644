"""A wall that throws back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sdesim.engine.walls.base import Base, Coordinate, WallKernel, check_sides
from sdesim.kinds import kind


@kind("walls", "reflecting")
@dataclass(frozen=True)
class Reflecting(Base):
    """Reflection of one coordinate at a lower wall, an upper one, or between both.

    A state that stepped across is mirrored at the wall (the symmetrised step): weak order 1, and exact for
    Brownian motion without drift. Setting it onto the wall would have order ½. A velocity turns round.

    Args:
        lower: lower wall; None for none.
        upper: upper wall; None for none.
        coordinate: which coordinate of θ.

    Raises:
        Misfit: there is no wall, or lower is not below upper.

    Source: M. Bossy, E. Gobet & D. Talay, J. Appl. Probab. 41 (2004) 877.

    Example:
        {kind: reflecting, lower: -10.0}
    """

    lower: float | None = None
    upper: float | None = None
    coordinate: Coordinate = 0

    def __post_init__(self) -> None:
        check_sides(self.lower, self.upper)

    def kernel(self) -> WallKernel:
        """The compiled side."""
        return WallKernel(
            "sdesim.engine.walls.kernels",
            "reflect",
            np.array([*self.interval, float(self.coordinate)]),
            "near_mirror",
        )
