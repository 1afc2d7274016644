"""A learning rate that falls along a cosine again and again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from sdesim.kinds import kind
from sdesim.optimizers.learning_rates.of_torch.schedule import TorchSchedule


@kind("learning_rates", "cosine-annealing-warm-restarts")
@dataclass(frozen=True)
class CosineAnnealingWarmRestarts(TorchSchedule):
    """eta_min + (η − eta_min)(1 + cos πt/T)/2, t from 0 again after T steps, T then T_mult times as long.

    torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.

    Args:
        T_0: the first T.
        T_mult: how many times as long each fall is as the one before.
        eta_min: the least learning rate, no share of it.

    Source: Loshchilov & Hutter, SGDR, arXiv 1608.03983, section 3.

    Example:
        {kind: cosine-annealing-warm-restarts, T_0: 100}
    """

    T_0: Annotated[int, Ge(1)]
    T_mult: Annotated[int, Ge(1)] = 1
    eta_min: Annotated[float, Ge(0)] = 0.0

    torch_name: ClassVar[str] = "CosineAnnealingWarmRestarts"

    def moved(self, step: int, now: float, lr: float, steps: int) -> float:
        """η at step t of the fall that goes on."""
        length = self.T_0
        if self.T_mult == 1:
            step %= length
        while step >= length:
            step, length = step - length, length * self.T_mult
        return self.eta_min + (lr - self.eta_min) * (1 + math.cos(math.pi * step / length)) / 2
