"""Averaged stochastic gradient descent, whose rate falls by a law of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt

from sdesim.kinds import kind
from sdesim.optimizers.base import Base


@kind("optimizers", "asgd")
@dataclass(frozen=True)
class ASGD(Base):
    """θ ← (1 − λ η_t) θ − η_t g, η_t = η/(1 + λ η t)^alpha. torch.optim.ASGD.

    The mean of θ over the steps is kept beside θ, as torch does, and is not what is trained or measured.

    Args:
        lr: η.
        batch_size: examples to a minibatch; without it the full batch.
        lambd: λ, of the decay of θ and of the rate's fall.
        alpha: power of the rate's fall.
        t0: step from which the mean is taken.
        weight_decay: factor of θ that is added to the gradient g.
        maximize: whether the step climbs, along +g.

    Source: Polyak & Juditsky, SIAM J. Control Optim. 30 (1992).

    Example:
        {kind: asgd, lr: 1e-2, batch_size: 64}
    """

    lr: Annotated[float, Gt(0)]
    batch_size: Annotated[int, Ge(1)] | None = None
    lambd: Annotated[float, Ge(0)] = 1e-4
    alpha: Annotated[float, Ge(0)] = 0.75
    t0: Annotated[float, Ge(0)] = 1e6
    weight_decay: Annotated[float, Ge(0)] = 0.0
    maximize: bool = False

    torch_name: ClassVar[str] = "ASGD"
    decoupled_decay: ClassVar[bool] = True
