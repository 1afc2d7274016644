"""NAdam: Adam that looks ahead as Nesterov's momentum does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt

from sdesim.kinds import kind
from sdesim.optimizers.adam import Betas
from sdesim.optimizers.base import Base


@kind("optimizers", "nadam")
@dataclass(frozen=True)
class NAdam(Base):
    """Adam's step, its mean m replaced by the one that the next step would have. torch.optim.NAdam.

    Args:
        lr: η.
        batch_size: examples to a minibatch; without it the full batch.
        betas: β₁ and β₂, how much the means of g and g² keep of themselves at each step.
        eps: added to √v̂.
        weight_decay: factor of θ that is added to the gradient g.
        momentum_decay: ψ: β₁ at step t is β₁ (1 − ½ 0.96^{tψ}).
        decoupled_weight_decay: whether weight_decay takes its share of θ itself instead.
        maximize: whether the step climbs, along +g.

    Source: Dozat, Incorporating Nesterov Momentum into Adam, ICLR workshop (2016).

    Example:
        {kind: nadam, lr: 1e-3, batch_size: 64}
    """

    lr: Annotated[float, Gt(0)]
    batch_size: Annotated[int, Ge(1)] | None = None
    betas: Betas = (0.9, 0.999)
    eps: Annotated[float, Gt(0)] = 1e-8
    weight_decay: Annotated[float, Ge(0)] = 0.0
    momentum_decay: Annotated[float, Ge(0)] = 4e-3
    decoupled_weight_decay: bool = False
    maximize: bool = False

    torch_name: ClassVar[str] = "NAdam"
    preconditioner: ClassVar[str | None] = "nadam"

    @property
    def decoupled_decay(self) -> bool:
        """Whether weight decay acts on θ itself."""
        return self.decoupled_weight_decay
