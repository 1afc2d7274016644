"""RMSprop: steps scaled by a running mean of the gradient's square."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Lt

from sdesim.kinds import kind
from sdesim.optimizers.base import Base


@kind("optimizers", "rmsprop")
@dataclass(frozen=True)
class RMSprop(Base):
    """θ ← θ − η b, b ← β b + g/(√v + eps), of a running mean v of g². torch.optim.RMSprop.

    Args:
        lr: η.
        batch_size: examples to a minibatch; without it the full batch.
        alpha: how much v keeps of itself at each step.
        eps: added to √v.
        weight_decay: factor of θ that is added to the gradient g.
        momentum: β, by which a step takes over the one before.
        centered: whether v is the variance of g, its running mean's square taken off.
        maximize: whether the step climbs, along +g.

    Source: Tieleman & Hinton, Neural Networks for Machine Learning, lecture 6.5 (2012).

    Example:
        {kind: rmsprop, lr: 1e-3, batch_size: 64}
    """

    lr: Annotated[float, Gt(0)]
    batch_size: Annotated[int, Ge(1)] | None = None
    alpha: Annotated[float, Ge(0), Lt(1)] = 0.99
    eps: Annotated[float, Gt(0)] = 1e-8
    weight_decay: Annotated[float, Ge(0)] = 0.0
    momentum: Annotated[float, Ge(0), Lt(1)] = 0.0
    centered: bool = False
    maximize: bool = False

    torch_name: ClassVar[str] = "RMSprop"
    preconditioner: ClassVar[str | None] = "rmsprop"
