"""Adam: steps scaled by running means of the gradient and of its square."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Gt, Lt, MaxLen, MinLen

from sdesim.kinds import kind
from sdesim.optimizers.base import Base

if TYPE_CHECKING:
    from torch.optim import Optimizer

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

    Source: Kingma & Ba, Adam, arXiv 1412.6980.

    Example:
        {kind: adam, lr: 1e-3, batch_size: 64}
    """

    lr: Annotated[float, Gt(0)]
    batch_size: Annotated[int, Ge(1)] | None = None
    betas: Betas = (0.9, 0.999)
    eps: Annotated[float, Gt(0)] = 1e-8
    weight_decay: Annotated[float, Ge(0)] = 0.0

    preconditioner: ClassVar[str | None] = "adam"

    def build(self, parameters: Iterable[Any]) -> Optimizer:
        """torch.optim.Adam of these parameters."""
        import torch

        return torch.optim.Adam(
            parameters,
            lr=self.lr,
            betas=(self.betas[0], self.betas[1]),
            eps=self.eps,
            weight_decay=self.weight_decay,
        )
