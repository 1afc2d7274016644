"""What torch's schedules share: rates as torch makes them, each from the one before it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from sdesim.kinds.misfit import Problem
from sdesim.optimizers.learning_rates.base import Base


class TorchSchedule(Base):
    """A schedule of torch.optim.lr_scheduler.

    Torch makes each rate from the one before it. `moved` says the same operations in the same order, so that
    rates agree to the last bit; they are known without torch.
    """

    def rate(self, step: int, steps: int) -> float:
        """Share of the learning rate at a step of so many, for an optimizer's rate of 1."""
        return self.known(steps, 1.0)[step]

    def known(self, steps: int, lr: float) -> list[float]:
        """`rates`, which all seeds of a training share."""
        return _rates(self, steps, lr)

    def total(self, steps: int) -> float:
        """Sum of the shares of all steps, for an optimizer's rate of 1."""
        return self.time(steps, 1.0)

    def time(self, steps: int, lr: float) -> float:
        """Σ learning rate over the steps, the time of the training."""
        return math.fsum(self.known(steps, lr)[:-1])

    def scheduler(self, steps: int) -> Callable[[Any], Any]:
        """Optimizer → torch scheduler that sets each group's rate, of its own, and momentum."""
        from sdesim.optimizers.learning_rates.listed import listed

        return lambda optimizer: listed(optimizer, self, steps)


def joined_problems(part: Base, place: int, steps: int) -> Iterator[Problem]:
    """What does not fit of a schedule that stands among others, in so many steps of its own."""
    if not part.joins:
        name = getattr(part, "kind", type(part).__name__)
        yield ("schedulers", place), f"found {name}, which has a course of its own: give it alone"
        return
    yield from ((("schedulers", place, *at), text) for at, text in part.problems(steps))


@lru_cache(maxsize=4)
def _rates(schedule: Base, steps: int, lr: float) -> list[float]:
    return schedule.rates(steps, lr)
