"""Stochastic gradient descent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Gt, Lt

from sdesim.kinds import Misfit, kind
from sdesim.optimizers.base import Base


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
        maximize: whether the step climbs, along +g.

    Example:
        {kind: sgd, lr: 0.1, batch_size: 64}
    """

    lr: Annotated[float, Gt(0)]
    batch_size: Annotated[int, Ge(1)] | None = None
    momentum: Annotated[float, Ge(0), Lt(1)] = 0.0
    dampening: Annotated[float, Ge(0), Lt(1)] = 0.0
    nesterov: bool = False
    weight_decay: Annotated[float, Ge(0)] = 0.0
    maximize: bool = False

    torch_name: ClassVar[str] = "SGD"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and (self.momentum == 0.0 or self.dampening > 0.0):
            raise Misfit("nesterov", "nesterov needs a momentum above 0 and no dampening")

    @property
    def plain(self) -> bool:
        """Without momentum, weight decay and groups, downhill; dampening acts with momentum only."""
        return not (self.momentum or self.weight_decay or self.maximize or self.groups)

    @property
    def beside_plain(self) -> tuple[str, ...]:
        """The settings beside lr and batch_size that are not at their defaults."""
        names = ("momentum", "dampening", "nesterov", "weight_decay", "maximize", "groups")
        return tuple(name for name in names if getattr(self, name))

    def scheme(self) -> Any:
        """Euler–Maruyama, or heavy ball at this momentum.

        Weight decay, dampened gradients, groups and steps uphill have no place in the SDE of the loss.
        """
        dampened = self.momentum and self.dampening
        if self.weight_decay or dampened or self.maximize or self.groups:
            return None
        from sdesim.engine.schemes import EulerMaruyama, HeavyBall

        return HeavyBall(self.momentum, self.nesterov) if self.momentum else EulerMaruyama()
