"""Equal probabilities of all classes as a target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdesim.kinds import kind
from sdesim.networks.objectives.base import Base

if TYPE_CHECKING:
    from torch import Tensor


@kind("objectives", "uniform")
@dataclass(frozen=True)
class Uniform(Base):
    """−(1/K) Σ_k log p_k, which is at odds with being sure of any class."""

    def loss(self, log_p: Tensor, y: Tensor) -> Tensor:
        """Mean over the examples."""
        return -log_p.mean()
