"""Squares of the weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge

from sdesim.kinds import kind
from sdesim.networks.penalties.base import Base

if TYPE_CHECKING:
    from torch import Tensor


@kind("penalties", "l2")
@dataclass(frozen=True)
class L2(Base):
    """(factor/2) Σ θ², whose gradient is factor·θ: what weight_decay adds to a step of SGD.

    Args:
        factor: of half the squares.
        match: pattern of the names of the parameters that it acts on: `*weight` leaves biases out.

    Example:
        {kind: l2, factor: 1e-4, match: "*weight"}
    """

    factor: Annotated[float, Ge(0)]
    match: str = "*"

    def of(self, parameter: Tensor) -> Tensor:
        """(factor/2) Σ θ²."""
        return 0.5 * self.factor * (parameter * parameter).sum()
