"""A learning rate that falls in steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt

from sdesim.kinds import kind
from sdesim.optimizers.learning_rates.base import Base


@kind("learning_rates", "step")
@dataclass(frozen=True)
class Step(Base):
    """The learning rate times factor^⌊t/every⌋, t the steps after the warm-up.

    Args:
        every: steps between two changes.
        factor: of each change.
        warmup: steps in which it grows linearly at first.

    Example:
        {kind: step, every: 1000, factor: 0.5}
    """

    every: Annotated[int, Ge(1)]
    factor: Annotated[float, Gt(0)] = 0.1
    warmup: Annotated[int, Ge(0)] = 0

    def rate(self, step: int, steps: int) -> float:
        """Share of the learning rate at a step, counted from 0."""
        if step < self.warmup:
            return self.warm(step)
        return float(self.factor ** ((step - self.warmup) // self.every))
