"""What every recipe of a learning rate offers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from sdesim.kinds.misfit import Problem


class Base:
    """The learning rate at each step, as a share of the optimizer's.

    One of one's own is a frozen dataclass that derives from this and has `rate`.

    Attributes:
        constant: whether every share is 1.
        warmup: steps in which it grows linearly at first.
    """

    if TYPE_CHECKING:
        # Not at run time: a field of the same name would take the property for its default.
        @property
        def constant(self) -> bool: ...

        @property
        def warmup(self) -> int: ...

    else:
        constant = False
        warmup = 0

    def rate(self, step: int, steps: int) -> float:
        """Share of the learning rate at a step, counted from 0, of so many."""
        raise NotImplementedError(f"{type(self).__name__} needs rate()")

    def warm(self, step: int) -> float:
        """Share within the warm-up."""
        return (step + 1) / (self.warmup + 1)

    def total(self, steps: int) -> float:
        """Sum of the shares of all steps, so that lr times it is the time of the training."""
        if self.constant:
            return float(steps)
        return math.fsum(self.rate(k, steps) for k in range(steps))

    def problems(self, steps: int) -> Iterator[Problem]:
        """What does not fit a training of so many steps, each with its field."""
        if self.warmup >= steps:
            yield ("warmup",), f"found {self.warmup}, allowed: 0 to {steps - 1}, fewer than the steps"

    def scheduler(self, steps: int) -> Callable[[Any], Any] | None:
        """Optimizer → torch scheduler; None where the learning rate is constant."""
        if self.constant:
            return None
        from torch.optim.lr_scheduler import LambdaLR

        return lambda optimizer: LambdaLR(optimizer, lambda step: self.rate(step, steps))
