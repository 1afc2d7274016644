"""Symmetric α-stable jumps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Gt, Le
from numpy.typing import NDArray

from sdesim.kinds import kind
from sdesim.noise.jumps.base import Base


@kind("jumps", "stable")
@dataclass(frozen=True)
class Stable(Base):
    """Jumps J with the characteristic function exp(−|scale u|^α), by Chambers, Mallows and Stuck.

    Args:
        alpha: stability index in (0, 2]; 2 is normal with the variance 2 scale².
        scale: above 0.

    Example:
        {kind: stable, alpha: 1.5, scale: 0.2}
    """

    alpha: Annotated[float, Gt(0), Le(2)]
    scale: Annotated[float, Gt(0)] = 1.0

    @property
    def function(self) -> str:
        """The compiled draw."""
        return "stable"

    @property
    def params(self) -> NDArray[np.float64]:
        """[α, scale]."""
        return np.array([self.alpha, self.scale])

    @property
    def mean(self) -> float | None:
        """0 for α > 1, else none."""
        return 0.0 if self.alpha > 1.0 else None

    @property
    def second_moment(self) -> float | None:
        """2 scale² at α = 2, else none."""
        return 2.0 * self.scale**2 if self.alpha == 2.0 else None

    @property
    def spread(self) -> float:
        """scale, times √2 at α = 2."""
        return self.scale if self.alpha < 2.0 else math.sqrt(2.0) * self.scale

    @property
    def tail_index(self) -> float | None:
        """α below 2."""
        return None if self.alpha == 2.0 else self.alpha
