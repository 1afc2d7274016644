"""A learning rate that falls to zero as a power."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from sdesim.kinds import kind
from sdesim.optimizers.learning_rates.of_torch.schedule import TorchSchedule


@kind("learning_rates", "polynomial-lr")
@dataclass(frozen=True)
class PolynomialLR(TorchSchedule):
    """The learning rate times (1 − t/total_iters)^power, then zero. torch.optim.lr_scheduler.PolynomialLR.

    Args:
        total_iters: steps to zero.
        power: of the fall.
    """

    total_iters: Annotated[int, Ge(1)] = 5
    power: Annotated[float, Ge(0)] = 1.0

    torch_name: ClassVar[str] = "PolynomialLR"

    def moved(self, step: int, now: float, lr: float, steps: int) -> float:
        """η_t = η_{t−1} ((1 − t/T)/(1 − (t − 1)/T))^power up to T."""
        total = self.total_iters
        if step == 0 or step > total:
            return now
        return float(now * ((1.0 - step / total) / (1.0 - (step - 1) / total)) ** self.power)
