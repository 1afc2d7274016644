"""A learning rate that falls along half a cosine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le

from sdesim.kinds import kind
from sdesim.optimizers.learning_rates.base import Base


@kind("learning_rates", "cosine")
@dataclass(frozen=True)
class Cosine(Base):
    """The learning rate times final + (1 − final)(1 + cos πu)/2, u from 0 to 1 at the last step.

    u begins to grow after the warm-up.

    Args:
        final: share of the learning rate at the last step.
        warmup: steps in which it grows linearly at first.
    """

    final: Annotated[float, Ge(0), Le(1)] = 0.0
    warmup: Annotated[int, Ge(0)] = 0

    def rate(self, step: int, steps: int) -> float:
        """Share of the learning rate at a step, counted from 0."""
        if step < self.warmup:
            return self.warm(step)
        share = min(1.0, (step - self.warmup) / max(1, steps - 1 - self.warmup))
        return self.final + (1.0 - self.final) * 0.5 * (1.0 + math.cos(math.pi * share))
