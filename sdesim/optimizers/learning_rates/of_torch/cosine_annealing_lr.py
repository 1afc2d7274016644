"""A learning rate that falls, and rises again, along a cosine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from sdesim.kinds import kind
from sdesim.optimizers.learning_rates.of_torch.schedule import TorchSchedule


@kind("learning_rates", "cosine-annealing-lr")
@dataclass(frozen=True)
class CosineAnnealingLR(TorchSchedule):
    """eta_min + (η − eta_min)(1 + cos πt/T_max)/2. torch.optim.lr_scheduler.CosineAnnealingLR.

    Args:
        T_max: steps of a fall, after which it rises again; null: those of the training.
        eta_min: the least learning rate, no share of it.

    Source: Loshchilov & Hutter, SGDR, arXiv 1608.03983, equation 5.
    """

    T_max: Annotated[int, Ge(1)] | None = None
    eta_min: Annotated[float, Ge(0)] = 0.0

    torch_name: ClassVar[str] = "CosineAnnealingLR"

    def moved(self, step: int, now: float, lr: float, steps: int) -> float:
        """η_t from η_{t−1}; from the least rate, of which nothing is left to multiply, by what it rises."""
        length, least = self.T_max or steps, self.eta_min
        if step == 0:
            return now
        if (step - 1 - length) % (2 * length) == 0:
            return now + (lr - least) * (1 - math.cos(math.pi / length)) / 2
        before = 1 + math.cos(math.pi * (step - 1) / length)
        return (1 + math.cos(math.pi * step / length)) / before * (now - least) + least

    def begun(self, lr: float, steps: int) -> float:
        """η, as torch writes it."""
        return self.eta_min + (lr - self.eta_min) * (1 + math.cos(math.pi * 0)) / 2
