"""Exponential jumps to either side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Gt
from numpy.typing import NDArray

from sdesim.kinds import kind
from sdesim.noise.jumps.base import Base


@kind("jumps", "laplace")
@dataclass(frozen=True)
class Laplace(Base):
    """Jumps J with the density e^{−|x|/scale}/(2 scale).

    Args:
        scale: mean size, above 0.

    Example:
        {kind: laplace, scale: 0.5}
    """

    scale: Annotated[float, Gt(0)] = 1.0

    @property
    def function(self) -> str:
        """The compiled draw."""
        return "laplace"

    @property
    def params(self) -> NDArray[np.float64]:
        """[scale]."""
        return np.array([self.scale])

    @property
    def mean(self) -> float:
        """0."""
        return 0.0

    @property
    def second_moment(self) -> float:
        """2 scale²."""
        return 2.0 * self.scale**2
