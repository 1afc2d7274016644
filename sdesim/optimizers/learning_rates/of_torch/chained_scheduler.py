"""Schedules all at once, each of which moves the rate on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from annotated_types import MinLen

from sdesim.kinds import OneOf, kind
from sdesim.kinds.misfit import Problem
from sdesim.optimizers.learning_rates.of_torch.schedule import TorchSchedule, joined_problems


@kind("learning_rates", "chained-scheduler")
@dataclass(frozen=True)
class ChainedScheduler(TorchSchedule):
    """All schedules at each step, in turn: the product of those that multiply. torch's ChainedScheduler.

    One that says the rate itself and not its change (constant, cosine, step, warm restarts) leaves nothing of
    those before it.

    Args:
        schedulers: the schedules.

    Example:
        {kind: chained-scheduler, schedulers: [linear-lr, {kind: exponential-lr, gamma: 0.999}]}
    """

    schedulers: Annotated[tuple[Annotated[Any, OneOf("learning_rates")], ...], MinLen(1)]

    torch_name: ClassVar[str] = "ChainedScheduler"
    refused_fields: ClassVar[dict[str, str]] = {"optimizer": "it is that of the training"}

    @property
    def constant(self) -> bool:
        """Where every part is."""
        return all(part.constant for part in self.schedulers)

    def moved(self, step: int, now: float, lr: float, steps: int) -> float:
        """What the parts make of it, one after another."""
        for part in self.schedulers:
            now = float(part.moved(step, now, lr, steps))
        return now

    def problems(self, steps: int) -> Iterator[Problem]:
        """Those of the parts."""
        for k, part in enumerate(self.schedulers):
            yield from joined_problems(part, k, steps)
