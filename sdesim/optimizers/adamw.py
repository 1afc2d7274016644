"""AdamW: Adam, with a weight decay that acts on θ itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Lt, MaxLen, MinLen

from sdesim.kinds import kind
from sdesim.optimizers.adam import AMSGRAD, AdamSDE, short_settings, square_root_rule
from sdesim.optimizers.base import Base
from sdesim.optimizers.sde import Form, OptimizerSDE

Betas = Annotated[tuple[Annotated[float, Ge(0), Lt(1)], ...], MinLen(2), MaxLen(2)]


@kind("optimizers", "adamw")
@dataclass(frozen=True)
class AdamW(Base):
    """θ ← (1 − η weight_decay) θ − η m̂/(√v̂ + eps), m̂ and v̂ those of Adam. torch.optim.AdamW.

    Args:
        lr: η.
        batch_size: examples to a minibatch; without it the full batch.
        betas: β₁ and β₂, how much m and v keep of themselves at each step.
        eps: added to √v̂.
        weight_decay: w, which takes η w of θ away at each step, past m and v.
        amsgrad: whether √v̂ is that of the largest v so far.
        maximize: whether the step climbs, along +g.

    Source: Loshchilov & Hutter, Decoupled Weight Decay Regularization, arXiv 1711.05101.

    Example:
        {kind: adamw, lr: 1e-3, batch_size: 64}
    """

    lr: Annotated[float, Gt(0)]
    batch_size: Annotated[int, Ge(1)] | None = None
    betas: Betas = (0.9, 0.999)
    eps: Annotated[float, Gt(0)] = 1e-8
    weight_decay: Annotated[float, Ge(0)] = 0.0
    amsgrad: bool = False
    maximize: bool = False

    torch_name: ClassVar[str] = "AdamW"
    preconditioner: ClassVar[str | None] = "adam"
    decoupled_decay: ClassVar[bool] = True

    def equation(self, form: Form | None = None) -> OptimizerSDE | str:
        """That of Adam, with its decay on θ itself."""
        if self.amsgrad:
            return AMSGRAD
        return AdamSDE(
            decay=self.weight_decay, decoupled=True, sign=-1.0 if self.maximize else 1.0,
            betas=(self.betas[0], self.betas[1]), eps=self.eps,
        )  # fmt: skip

    def scaled(self, kappa: float) -> AdamW:
        """The square root rule: η√κ, 1 − κ(1 − β_i), eps/√κ, λ√κ at κ times the batch."""
        return self.with_batch(kappa, **square_root_rule(kappa, decoupled=True))

    def short(self, factor: int) -> AdamW:
        """As of Adam: β_i^{1/l}, η/√l, √l eps and λ/√l."""
        return replace(self, groups=(), **short_settings(self, factor))
