"""A learning rate that falls by the same factor at each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt

from sdesim.kinds import kind
from sdesim.optimizers.learning_rates.of_torch.schedule import TorchSchedule


@kind("learning_rates", "exponential-lr")
@dataclass(frozen=True)
class ExponentialLR(TorchSchedule):
    """The learning rate times gamma at each step. torch.optim.lr_scheduler.ExponentialLR.

    Args:
        gamma: the factor.

    Example:
        {kind: exponential-lr, gamma: 0.999}
    """

    gamma: Annotated[float, Gt(0)]

    torch_name: ClassVar[str] = "ExponentialLR"

    def moved(self, step: int, now: float, lr: float, steps: int) -> float:
        """η_t = γ η_{t−1}."""
        return now if step == 0 else now * self.gamma
