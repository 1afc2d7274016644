"""A learning rate that falls where the loss does not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Lt

from sdesim.kinds import kind
from sdesim.optimizers.learning_rates.base import Base


@kind("learning_rates", "reduce-lr-on-plateau")
@dataclass(frozen=True)
class ReduceLROnPlateau(Base):
    """The learning rate times factor where the loss of a minibatch has been no better for patience steps.

    torch.optim.lr_scheduler.ReduceLROnPlateau, told the loss of each step's minibatch. Each seed finds its
    own rates and times, so that the training has no twin.

    Args:
        mode: whether a lower or a higher loss is better.
        factor: of each change.
        patience: steps without a better loss that are let pass.
        threshold: by how much a loss must be better than the best.
        threshold_mode: whether that is a share of the best, or a difference.
        cooldown: steps after a change that do not count.
        min_lr: the least learning rate, no share of it.
        eps: a change of less than this is not made.
    """

    mode: Literal["min", "max"] = "min"
    factor: Annotated[float, Gt(0), Lt(1)] = 0.1
    patience: Annotated[int, Ge(0)] = 10
    threshold: Annotated[float, Ge(0)] = 1e-4
    threshold_mode: Literal["rel", "abs"] = "rel"
    cooldown: Annotated[int, Ge(0)] = 0
    min_lr: Annotated[float, Ge(0)] = 0.0
    eps: Annotated[float, Ge(0)] = 1e-8

    torch_name: ClassVar[str] = "ReduceLROnPlateau"
    follows_loss: ClassVar[bool] = True
    joins: ClassVar[bool] = False

    def rate(self, step: int, steps: int) -> float:
        """The largest that it can be: what it will be, the losses decide."""
        return 1.0

    def scheduler(self, steps: int) -> Callable[[Any], Any]:
        """Optimizer → torch's own."""
        from torch.optim.lr_scheduler import ReduceLROnPlateau as Plateau

        return lambda optimizer: Plateau(
            optimizer, mode=self.mode, factor=self.factor, patience=self.patience, threshold=self.threshold,
            threshold_mode=self.threshold_mode, cooldown=self.cooldown, min_lr=self.min_lr, eps=self.eps,
        )  # fmt: skip
