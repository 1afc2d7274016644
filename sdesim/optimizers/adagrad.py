"""Adagrad: steps scaled by the sum of all squared gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt

from sdesim.kinds import kind
from sdesim.optimizers.base import Base


@kind("optimizers", "adagrad")
@dataclass(frozen=True)
class Adagrad(Base):
    """θ ← θ − η_t g/(√v + eps), v the sum of g² so far, η_t = η/(1 + lr_decay t). torch.optim.Adagrad.

    Args:
        lr: η.
        batch_size: examples to a minibatch; without it the full batch.
        lr_decay: how fast the rate falls; t counts from 0.
        weight_decay: factor of θ that is added to the gradient g.
        initial_accumulator_value: v at the start.
        eps: added to √v.
        maximize: whether the step climbs, along +g.

    Source: Duchi, Hazan & Singer, JMLR 12 (2011).

    Example:
        {kind: adagrad, lr: 1e-2, batch_size: 64}
    """

    lr: Annotated[float, Gt(0)]
    batch_size: Annotated[int, Ge(1)] | None = None
    lr_decay: Annotated[float, Ge(0)] = 0.0
    weight_decay: Annotated[float, Ge(0)] = 0.0
    initial_accumulator_value: Annotated[float, Ge(0)] = 0.0
    eps: Annotated[float, Gt(0)] = 1e-10
    maximize: bool = False

    torch_name: ClassVar[str] = "Adagrad"
    preconditioner: ClassVar[str | None] = "adagrad"
