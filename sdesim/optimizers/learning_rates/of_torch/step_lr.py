"""A learning rate that falls in equal steps, as torch's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt

from sdesim.kinds import kind
from sdesim.optimizers.learning_rates.of_torch.schedule import TorchSchedule


@kind("learning_rates", "step-lr")
@dataclass(frozen=True)
class StepLR(TorchSchedule):
    """The learning rate times gamma every step_size steps. torch.optim.lr_scheduler.StepLR.

    Args:
        step_size: steps between two changes.
        gamma: factor of each change.

    Example:
        {kind: step-lr, step_size: 1000, gamma: 0.5}
    """

    step_size: Annotated[int, Ge(1)]
    gamma: Annotated[float, Gt(0)] = 0.1

    torch_name: ClassVar[str] = "StepLR"

    def moved(self, step: int, now: float, lr: float, steps: int) -> float:
        """η_t = γ η_{t−1} where step_size divides t > 0."""
        return now if step == 0 or step % self.step_size else now * self.gamma
