"""Every class as often as any other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdesim.data.weightings.base import Base
from sdesim.kinds import kind


@kind("weightings", "balanced")
@dataclass(frozen=True)
class Balanced(Base):
    """Every class that occurs is drawn as often as any other.

    The weight of an example is 1 over the number of examples of its class.
    """

    def of(self, labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """Weights (n,)."""
        _, label, count = np.unique(labels, return_inverse=True, return_counts=True)
        weights: NDArray[np.float64] = 1.0 / count[label]
        return weights
