"""The length of the state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sdesim.engine.observables.base import Array, Base, summed
from sdesim.kinds import kind


@kind("observables", "norm")
@dataclass(frozen=True)
class Norm(Base):
    """The Euclidean norm |θ| = √Σ θ_k².

    Example:
        {kind: norm, units: m, long_name: distance from the trap}
    """

    @property
    def own_units(self) -> str:
        """Those of a parameter."""
        return "parameter"

    @property
    def meaning(self) -> str:
        """In words."""
        return "Euclidean norm of the state"

    def values(self, theta: Array, time: Array, surface: Any) -> Array:
        """|θ| (n,)."""
        return np.sqrt(summed(lambda k: theta[:, k] * theta[:, k], theta.shape[1]))
