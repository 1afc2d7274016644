"""Adafactor: Adam's scaling from the rows and columns of a matrix alone, with steps of bounded size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Le

from sdesim.kinds import kind
from sdesim.optimizers.base import Base
from sdesim.optimizers.sde import Form, OptimizerSDE


@kind("optimizers", "adafactor")
@dataclass(frozen=True)
class Adafactor(Base):
    """θ ← (1 − η w) θ − ρ a u/max(1, rms(u)/d), u = g/√v, v of means over rows and columns of g².

    ρ = min(η, 1/√t), a = max(eps₂, rms(θ)). torch.optim.Adafactor.

    Args:
        lr: η.
        batch_size: examples to a minibatch; without it the full batch.
        beta2_decay: c: v keeps 1 − t^c of itself at step t.
        eps: the least that a mean of g² may be, null for the precision of θ, and the least a.
        d: largest root mean square of u.
        weight_decay: w, which takes η w of θ away at each step.
        maximize: whether the step climbs, along +g.

    Source: Shazeer & Stern, Adafactor, arXiv 1804.04235.

    Example:
        {kind: adafactor, lr: 1e-2, batch_size: 64}
    """

    lr: Annotated[float, Gt(0)]
    batch_size: Annotated[int, Ge(1)] | None = None
    beta2_decay: Annotated[float, Le(0)] = -0.8
    eps: tuple[Annotated[float, Gt(0)] | None, Annotated[float, Ge(0)]] = (None, 1e-3)
    d: Annotated[float, Ge(1)] = 1.0
    weight_decay: Annotated[float, Ge(0)] = 0.0
    maximize: bool = False

    torch_name: ClassVar[str] = "Adafactor"
    preconditioner: ClassVar[str | None] = "adafactor"
    decoupled_decay: ClassVar[bool] = True

    def equation(self, form: Form | None = None) -> OptimizerSDE | str:
        """Why there is none."""
        return (
            "Adafactor has no SDE: no SDE of means over rows and columns with bounded steps is known; "
            "nearest: rmsprop"
        )
