"""What is watched at every step inside the kernel: first exits and time spent in wells."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sdesim.errors import SdesimError


@dataclass(frozen=True)
class Exit:
    """First exit of one coordinate from [lower, upper].

    The time recorded is dt × index of the first iterate outside, without interpolation; NaN and
    ``exit_censored`` where the trajectory never leaves.

    Args:
        lower, upper: bounds; −inf and inf for none.
        coordinate: which coordinate of θ.
        stop: whether a trajectory stays where it left.

    Raises:
        SdesimError: bounds out of order or a negative coordinate.
    """

    lower: float = -math.inf
    upper: float = math.inf
    coordinate: int = 0
    stop: bool = True

    def __post_init__(self) -> None:
        if not float(self.lower) < float(self.upper):
            raise SdesimError(f"exit: lower must be below upper, got {self.lower} and {self.upper}")
        if self.coordinate < 0:
            raise SdesimError(f"exit: coordinate must be at least 0, got {self.coordinate}")

    @property
    def name(self) -> str:
        """A label, such as "x0 outside [-inf, 0]"."""
        return f"x{self.coordinate} outside [{self.lower:g}, {self.upper:g}]"


@dataclass(frozen=True)
class Occupancy:
    """Share of the steps after which a trajectory was in each well of the surface, while it lived."""


Event = Exit | Occupancy
