"""A learning rate that begins lower by a factor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Le

from sdesim.kinds import kind
from sdesim.optimizers.learning_rates.of_torch.schedule import TorchSchedule


@kind("learning_rates", "constant-lr")
@dataclass(frozen=True)
class ConstantLR(TorchSchedule):
    """The learning rate times factor in the first total_iters steps. torch.optim.lr_scheduler.ConstantLR.

    Args:
        factor: of the first steps.
        total_iters: how many these are.
    """

    factor: Annotated[float, Gt(0), Le(1)] = 1.0 / 3
    total_iters: Annotated[int, Ge(1)] = 5

    torch_name: ClassVar[str] = "ConstantLR"

    def moved(self, step: int, now: float, lr: float, steps: int) -> float:
        """η_0 = f η, and η_{t−1}/f at total_iters."""
        if step == 0:
            return now * self.factor
        return now * (1.0 / self.factor) if step == self.total_iters else now

    def begun(self, lr: float, steps: int) -> float:
        """f η, as torch writes it."""
        return lr * (self.factor + False * (1 - self.factor))
