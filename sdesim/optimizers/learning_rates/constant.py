"""A constant learning rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge

from sdesim.kinds import kind
from sdesim.optimizers.learning_rates.base import Base


@kind("learning_rates", "constant")
@dataclass(frozen=True)
class Constant(Base):
    """The learning rate as it is, after the warm-up.

    Args:
        warmup: steps in which it grows linearly at first.
    """

    warmup: Annotated[int, Ge(0)] = 0

    @property
    def constant(self) -> bool:
        """Without warm-up."""
        return self.warmup == 0

    def rate(self, step: int, steps: int) -> float:
        """Share of the learning rate at a step, counted from 0."""
        return min(1.0, self.warm(step))
