"""Adamax: Adam with the largest gradient in place of the mean square."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt

from sdesim.kinds import kind
from sdesim.optimizers.adam import Betas
from sdesim.optimizers.base import Base
from sdesim.optimizers.sde import Form, OptimizerSDE


@kind("optimizers", "adamax")
@dataclass(frozen=True)
class Adamax(Base):
    """θ ← θ − η m̂/u, of a running mean m of g and u = max(β₂ u, |g| + eps). torch.optim.Adamax.

    Args:
        lr: η.
        batch_size: examples to a minibatch; without it the full batch.
        betas: β₁ of m and β₂ of u.
        eps: added to |g|.
        weight_decay: factor of θ that is added to the gradient g.
        maximize: whether the step climbs, along +g.

    Source: Kingma & Ba, Adam, section 7.1, arXiv 1412.6980.

    Example:
        {kind: adamax, lr: 1e-3, batch_size: 64}
    """

    lr: Annotated[float, Gt(0)]
    batch_size: Annotated[int, Ge(1)] | None = None
    betas: Betas = (0.9, 0.999)
    eps: Annotated[float, Gt(0)] = 1e-8
    weight_decay: Annotated[float, Ge(0)] = 0.0
    maximize: bool = False

    torch_name: ClassVar[str] = "Adamax"
    preconditioner: ClassVar[str | None] = "adamax"

    def equation(self, form: Form | None = None) -> OptimizerSDE | str:
        """Why there is none."""
        return (
            "Adamax has no SDE: u is a maximum of |g|, which has no limit where steps are cut finer "
            "and more gradients are drawn; nearest: adam"
        )
