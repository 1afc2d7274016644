"""A learning rate that moves linearly at first: a warm-up, or its contrary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Le

from sdesim.kinds import kind
from sdesim.optimizers.learning_rates.of_torch.schedule import TorchSchedule


@kind("learning_rates", "linear-lr")
@dataclass(frozen=True)
class LinearLR(TorchSchedule):
    """The learning rate times a factor that moves linearly over total_iters steps. torch's LinearLR.

    Args:
        start_factor: at the first step.
        end_factor: from step total_iters on.
        total_iters: how many steps it moves.
    """

    start_factor: Annotated[float, Gt(0), Le(1)] = 1.0 / 3
    end_factor: Annotated[float, Ge(0), Le(1)] = 1.0
    total_iters: Annotated[int, Ge(1)] = 5

    torch_name: ClassVar[str] = "LinearLR"

    def moved(self, step: int, now: float, lr: float, steps: int) -> float:
        """η_0 = a η, η_t = η_{t−1} (1 + (b − a)/(T a + (t − 1)(b − a))) up to T."""
        start, end, total = self.start_factor, self.end_factor, self.total_iters
        if step == 0:
            return now * start
        if step > total:
            return now
        return now * (1.0 + (end - start) / (total * start + (step - 1) * (end - start)))

    def begun(self, lr: float, steps: int) -> float:
        """a η, as torch writes it."""
        start, end, total = self.start_factor, self.end_factor, self.total_iters
        return lr * (start + (end - start) * 0 / total)
