"""Absolute values of the weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge

from sdesim.kinds import kind
from sdesim.networks.penalties.base import Base

if TYPE_CHECKING:
    from torch import Tensor


@kind("penalties", "l1")
@dataclass(frozen=True)
class L1(Base):
    """factor Σ |θ|, with slope 0 at θ = 0; it bends nowhere else, so that curvature does not see it.

    Args:
        factor: of the absolute values.
        match: pattern of the names of the parameters that it acts on: `*weight` leaves biases out.

    Example:
        {kind: l1, factor: 1e-4, match: "*weight"}
    """

    factor: Annotated[float, Ge(0)]
    match: str = "*"

    def of(self, parameter: Tensor) -> Tensor:
        """factor Σ |θ|."""
        return self.factor * parameter.abs().sum()
