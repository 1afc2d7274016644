"""Adadelta: steps scaled by the ratio of what was moved to what the gradients were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Le

from sdesim.kinds import kind
from sdesim.optimizers.base import Base
from sdesim.optimizers.sde import Form, OptimizerSDE


@kind("optimizers", "adadelta")
@dataclass(frozen=True)
class Adadelta(Base):
    """θ ← θ − η Δ, Δ = √((u + eps)/(v + eps)) g, of running means v of g² and u of Δ². torch.optim.Adadelta.

    u begins at 0, so that first steps are as small as √eps.

    Args:
        lr: η; torch's own is 1.
        batch_size: examples to a minibatch; without it the full batch.
        rho: how much v and u keep of themselves at each step.
        eps: added to both means.
        weight_decay: factor of θ that is added to the gradient g.
        maximize: whether the step climbs, along +g.

    Source: Zeiler, ADADELTA, arXiv 1212.5701, Algorithm 1.

    Example:
        {kind: adadelta, lr: 1, batch_size: 64}
    """

    lr: Annotated[float, Gt(0)]
    batch_size: Annotated[int, Ge(1)] | None = None
    rho: Annotated[float, Ge(0), Le(1)] = 0.9
    eps: Annotated[float, Gt(0)] = 1e-6
    weight_decay: Annotated[float, Ge(0)] = 0.0
    maximize: bool = False

    torch_name: ClassVar[str] = "Adadelta"
    preconditioner: ClassVar[str | None] = "adadelta"

    def equation(self, form: Form | None = None) -> OptimizerSDE | str:
        """Why there is none."""
        return (
            "Adadelta has no SDE: its lengths u feed on their own fluctuations, which an SDE of the "
            "mean squares leaves out; nearest: rmsprop"
        )
