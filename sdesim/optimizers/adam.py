"""Adam: steps scaled by running means of the gradient and of its square."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Lt, MaxLen, MinLen

from sdesim.kinds import kind
from sdesim.optimizers.base import Base

Betas = Annotated[tuple[Annotated[float, Ge(0), Lt(1)], ...], MinLen(2), MaxLen(2)]


@kind("optimizers", "adam")
@dataclass(frozen=True)
class Adam(Base):
    """θ ← θ − η m̂/(√v̂ + eps), of running means m of g and v of g², without their bias. torch.optim.Adam.

    Args:
        lr: η.
        batch_size: examples to a minibatch; without it the full batch.
        betas: β₁ and β₂, how much m and v keep of themselves at each step.
        eps: added to √v̂.
        weight_decay: factor of θ that is added to the gradient g.
        amsgrad: whether √v̂ is that of the largest v so far.
        maximize: whether the step climbs, along +g.
        decoupled_weight_decay: whether weight_decay takes its share of θ itself instead, as in adamw.

    Source: Kingma & Ba, Adam, arXiv 1412.6980.

    Example:
        {kind: adam, lr: 1e-3, batch_size: 64}
    """

    lr: Annotated[float, Gt(0)]
    batch_size: Annotated[int, Ge(1)] | None = None
    betas: Betas = (0.9, 0.999)
    eps: Annotated[float, Gt(0)] = 1e-8
    weight_decay: Annotated[float, Ge(0)] = 0.0
    amsgrad: bool = False
    maximize: bool = False
    decoupled_weight_decay: bool = False

    torch_name: ClassVar[str] = "Adam"
    preconditioner: ClassVar[str | None] = "adam"

    @property
    def decoupled_decay(self) -> bool:
        """Whether weight decay acts on θ itself."""
        return self.decoupled_weight_decay
