"""RAdam: Adam whose first steps wait until the mean square is known well enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt

from sdesim.kinds import kind
from sdesim.optimizers.adam import Betas
from sdesim.optimizers.base import Base


@kind("optimizers", "radam")
@dataclass(frozen=True)
class RAdam(Base):
    """θ ← θ − η r m̂/(√v̂ + eps), r grows to 1 with the steps that v is a mean of. torch.optim.RAdam.

    Args:
        lr: η.
        batch_size: examples to a minibatch; without it the full batch.
        betas: β₁ and β₂, how much the means of g and g² keep of themselves at each step.
        eps: added to √v̂.
        weight_decay: factor of θ that is added to the gradient g.
        decoupled_weight_decay: whether weight_decay takes its share of θ itself instead.
        maximize: whether the step climbs, along +g.

    Source: Liu et al., On the Variance of the Adaptive Learning Rate and Beyond, arXiv 1908.03265.

    Example:
        {kind: radam, lr: 1e-3, batch_size: 64}
    """

    lr: Annotated[float, Gt(0)]
    batch_size: Annotated[int, Ge(1)] | None = None
    betas: Betas = (0.9, 0.999)
    eps: Annotated[float, Gt(0)] = 1e-8
    weight_decay: Annotated[float, Ge(0)] = 0.0
    decoupled_weight_decay: bool = False
    maximize: bool = False

    torch_name: ClassVar[str] = "RAdam"
    preconditioner: ClassVar[str | None] = "radam"

    @property
    def decoupled_decay(self) -> bool:
        """Whether weight decay acts on θ itself."""
        return self.decoupled_weight_decay
