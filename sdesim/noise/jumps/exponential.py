"""Exponential jumps, all to one side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdesim.kinds import Misfit, kind
from sdesim.noise.jumps.base import Base


@kind("jumps", "exponential")
@dataclass(frozen=True)
class Exponential(Base):
    """Jumps J with J/mean exponential of mean 1: upwards for a mean above 0, downwards below.

    Args:
        mean: E J, not 0.

    Raises:
        Misfit: the mean is 0.

    Example:
        {kind: exponential, mean: 0.5}
    """

    mean: float = 1.0

    def __post_init__(self) -> None:
        if self.mean == 0.0:
            raise Misfit("mean", "found 0, allowed: numbers above or below 0")

    @property
    def function(self) -> str:
        """The compiled draw."""
        return "exponential"

    @property
    def params(self) -> NDArray[np.float64]:
        """[mean]."""
        return np.array([self.mean])

    @property
    def second_moment(self) -> float:
        """2 mean²."""
        return 2.0 * self.mean**2
