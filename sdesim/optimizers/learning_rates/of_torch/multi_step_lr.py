"""A learning rate that falls at given steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, MinLen

from sdesim.kinds import kind
from sdesim.optimizers.learning_rates.of_torch.schedule import TorchSchedule


@kind("learning_rates", "multi-step-lr")
@dataclass(frozen=True)
class MultiStepLR(TorchSchedule):
    """The learning rate times gamma at each of the milestones. torch.optim.lr_scheduler.MultiStepLR.

    Args:
        milestones: steps at which it changes; a step that stands there twice changes it twice.
        gamma: factor of each change.

    Example:
        {kind: multi-step-lr, milestones: [500, 800]}
    """

    milestones: Annotated[tuple[Annotated[int, Ge(1)], ...], MinLen(1)]
    gamma: Annotated[float, Gt(0)] = 0.1

    torch_name: ClassVar[str] = "MultiStepLR"

    def moved(self, step: int, now: float, lr: float, steps: int) -> float:
        """η_t = γ^k η_{t−1}, k how often t stands among the milestones."""
        count = self.milestones.count(step)
        return now * self.gamma**count if count else now
