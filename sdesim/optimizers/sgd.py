"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge, Gt, Lt

from sdesim.kinds import Misfit, kind
from sdesim.optimizers.base import Base

if TYPE_CHECKING:
    from torch.optim import Optimizer


@kind("optimizers", "sgd")
@dataclass(frozen=True)
class SGD(Base):
    """θ ← θ − η m, m ← β m + (1 − dampening)(g + weight_decay θ); m is g where β is 0. torch.optim.SGD.

    Args:
        lr: η.
        batch_size: examples to a minibatch; without it the full batch.
        momentum: β.
        dampening: of the gradient in m.
        nesterov: whether the step looks ahead, g + β m; needs a momentum above 0 and no dampening.
        weight_decay: factor of θ that is added to the gradient.

    Example:
        {kind: sgd, lr: 0.1, batch_size: 64}
    """

    lr: Annotated[float, Gt(0)]
    batch_size: Annotated[int, Ge(1)] | None = None
    momentum: Annotated[float, Ge(0), Lt(1)] = 0.0
    dampening: Annotated[float, Ge(0), Lt(1)] = 0.0
    nesterov: bool = False
    weight_decay: Annotated[float, Ge(0)] = 0.0

    def __post_init__(self) -> None:
        if self.nesterov and (self.momentum == 0.0 or self.dampening > 0.0):
            raise Misfit("nesterov", "nesterov needs a momentum above 0 and no dampening")

    @property
    def plain(self) -> bool:
        """Without momentum and weight decay; dampening acts with momentum only."""
        return not self.momentum and not self.weight_decay

    @property
    def beside_plain(self) -> tuple[str, ...]:
        """The settings beside lr and batch_size that are not at their defaults."""
        names = ("momentum", "dampening", "nesterov", "weight_decay")
        return tuple(name for name in names if getattr(self, name))

    def build(self, parameters: Iterable[Any]) -> Optimizer:
        """torch.optim.SGD of these parameters."""
        import torch

        return torch.optim.SGD(
            parameters,
            lr=self.lr,
            momentum=self.momentum,
            dampening=self.dampening,
            nesterov=self.nesterov,
            weight_decay=self.weight_decay,
        )

    def scheme(self) -> Any:
        """Euler–Maruyama, or heavy ball at this momentum.

        Weight decay and dampened gradients have no place in the SDE of the loss.
        """
        if self.weight_decay or (self.momentum and self.dampening):
            return None
        from sdesim.engine.schemes import EulerMaruyama, HeavyBall

        return HeavyBall(self.momentum, self.nesterov) if self.momentum else EulerMaruyama()
