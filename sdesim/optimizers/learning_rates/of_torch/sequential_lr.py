"""Schedules one after another, such as a warm-up and what follows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, MinLen

from sdesim.kinds import Misfit, OneOf, kind
from sdesim.kinds.misfit import Problem
from sdesim.optimizers.learning_rates.of_torch.schedule import TorchSchedule, joined_problems


@kind("learning_rates", "sequential-lr")
@dataclass(frozen=True)
class SequentialLR(TorchSchedule):
    """Each schedule from its milestone on, its steps counted from there. torch's SequentialLR.

    Args:
        schedulers: the schedules; what they leave to the training's steps is their own part of these.
        milestones: the step at which each but the first begins.

    Example:
        {kind: sequential-lr, schedulers: [{kind: linear-lr, total_iters: 100}, cosine], milestones: [100]}
    """

    schedulers: Annotated[tuple[Annotated[Any, OneOf("learning_rates")], ...], MinLen(1)]
    milestones: tuple[Annotated[int, Ge(1)], ...]

    torch_name: ClassVar[str] = "SequentialLR"

    def __post_init__(self) -> None:
        if len(self.milestones) != len(self.schedulers) - 1:
            text = f"found {len(self.milestones)}, allowed: {len(self.schedulers) - 1}, one for each schedule"
            raise Misfit("milestones", f"{text} but the first")
        if any(b <= a for a, b in zip(self.milestones, self.milestones[1:], strict=False)):
            raise Misfit("milestones", f"found {list(self.milestones)}, allowed: steps that grow")

    @property
    def constant(self) -> bool:
        """Where every part is."""
        return all(part.constant for part in self.schedulers)

    def moved(self, step: int, now: float, lr: float, steps: int) -> float:
        """The rate of the part that this step is of, which begins anew at its milestone."""
        k = bisect_right(self.milestones, step)
        start, part, length = self._start(k), self.schedulers[k], self._length(k, steps)
        if k and step == start:
            return float(part.begun(lr, length))
        return float(part.moved(step - start, now, lr, length))

    def problems(self, steps: int) -> Iterator[Problem]:
        """Milestones beyond the training, and those of the parts."""
        if self.milestones and self.milestones[-1] >= steps:
            text = f"found {self.milestones[-1]}, allowed: below {steps}, the steps"
            yield ("milestones", len(self.milestones) - 1), text
            return
        for k, part in enumerate(self.schedulers):
            yield from joined_problems(part, k, self._length(k, steps))

    def _start(self, k: int) -> int:
        return self.milestones[k - 1] if k else 0

    def _length(self, k: int, steps: int) -> int:
        return (self.milestones[k] if k < len(self.milestones) else steps) - self._start(k)
