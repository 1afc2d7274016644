"""What every recipe of a learning rate offers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from sdesim.kinds.misfit import Problem

if TYPE_CHECKING:
    from sdesim.optimizers.base import Base as Optimizer

_FUNCTION = "is a function, which no file can hold; in Python, record takes scheduler=lambda optimizer: …"


class Base:
    """The learning rate at each step, as a share of the optimizer's.

    One of one's own is a frozen dataclass that derives from this and has `rate`.

    Attributes:
        constant: whether every share is 1.
        warmup: steps in which it grows linearly at first.
        follows_loss: whether it depends on the losses of the training, so that no rate is known before.
        moves_momentum: whether it changes the momentum too.
        joins: whether it may be a part of others that join several.
        torch_name: of the class in torch.optim.lr_scheduler, where it is one of these.
        refused_fields: torch's parameters that no field stands for, each with the reason.
        refused_kinds: names that no kind has, each with the reason.
        told_by_letters: names are told by their letters alone, so that torch's spelling is one of ours.
    """

    told_by_letters: ClassVar[bool] = True
    torch_name: ClassVar[str] = ""
    refused_fields: ClassVar[Mapping[str, str]] = {
        "last_epoch": "a training begins at its first step; resume goes on from where one was cut off"
    }
    refused_kinds: ClassVar[Mapping[str, str]] = {
        "LambdaLR": f"its rate {_FUNCTION}",
        "MultiplicativeLR": f"its factor {_FUNCTION}",
        "chain": "give sequential-lr for one after another, chained-scheduler for the product of all",
    }

    if TYPE_CHECKING:
        # Not at run time: a field of the same name would take the property for its default.
        @property
        def constant(self) -> bool: ...

        @property
        def warmup(self) -> int: ...

        @property
        def moves_momentum(self) -> bool: ...

        @property
        def follows_loss(self) -> bool: ...

        @property
        def joins(self) -> bool: ...

    else:
        constant = follows_loss = moves_momentum = False
        joins = True
        warmup = 0

    def rate(self, step: int, steps: int) -> float:
        """Share of the learning rate at a step, counted from 0, of so many."""
        raise NotImplementedError(f"{type(self).__name__} needs rate()")

    def moved(self, step: int, now: float, lr: float, steps: int) -> float:
        """The learning rate at a step, of the one before it and the optimizer's; at step 0 both are lr."""
        return lr * self.rate(step, steps)

    def begun(self, lr: float, steps: int) -> float:
        """The learning rate at step 0 where another one went before."""
        return self.moved(0, lr, lr, steps)

    def rates(self, steps: int, lr: float) -> list[float]:
        """The learning rate at each of so many steps and after the last (steps + 1,), of the optimizer's."""
        found, now = [], lr
        for step in range(steps + 1):
            now = self.moved(step, now, lr, steps)
            found.append(now)
        return found

    def momentum(self, step: int, steps: int) -> float | None:
        """The momentum at a step; None where it stays that of the optimizer."""
        return None

    def time(self, steps: int, lr: float) -> float:
        """Σ learning rate over the steps, the time of the training."""
        return lr * self.total(steps)

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

    def unfit(self, optimizer: Optimizer) -> Iterator[Problem]:
        """What does not fit an optimizer, each with its field."""
        name = getattr(optimizer, "kind", type(optimizer).__name__)
        if optimizer.keeps_rate and not self.constant:
            yield (), f"{name} takes its learning rate at the first step alone: leave the schedule out"
        if self.moves_momentum and not (hasattr(optimizer, "betas") or optimizer.momentum > 0):
            text = f"found true, allowed: false beside {name} without momentum, where there is none"
            yield ("cycle_momentum",), text

    def scheduler(self, steps: int) -> Callable[[Any], Any] | None:
        """Optimizer → torch scheduler; None where the learning rate is constant."""
        if self.constant:
            return None
        from torch.optim.lr_scheduler import LambdaLR

        return lambda optimizer: LambdaLR(optimizer, lambda step: self.rate(step, steps))
