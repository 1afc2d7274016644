"""RAdam: Adam whose first steps wait until the mean square is known well enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import Ge, Gt

from sdesim.kinds import kind
from sdesim.optimizers.adam import AdamSDE, Betas, square_root_rule
from sdesim.optimizers.base import Base
from sdesim.optimizers.sde import Form, OptimizerSDE, taken

if TYPE_CHECKING:
    from torch import Tensor


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

    def equation(self, form: Form | None = None) -> OptimizerSDE | str:
        """That of Adam, with r(s)."""
        return RAdamSDE(
            decay=self.weight_decay, decoupled=self.decoupled_decay, sign=-1.0 if self.maximize else 1.0,
            betas=(self.betas[0], self.betas[1]), eps=self.eps,
        )  # fmt: skip

    def scaled(self, kappa: float) -> RAdam:
        """The square root rule of Adam. How many steps it waits for changes with β₂ as the steps do."""
        return self.with_batch(kappa, **square_root_rule(kappa, self.decoupled_decay))


@dataclass(frozen=True, kw_only=True)
class RAdamSDE(AdamSDE):
    """The SDE of RAdam: Adam's, its step times r(s), and along m̂ alone while ρ(s) ≤ 5.

    ρ(s) = ρ∞ − 2sβ₂^s/(1 − β₂^s), ρ∞ = 2/(1 − β₂) − 1, r² = (ρ − 4)(ρ − 2)ρ∞/((ρ∞ − 4)(ρ∞ − 2)ρ), s after the
    share.
    """

    def direction(self, state: Mapping[str, Tensor], driven: Tensor, share: float, step: float) -> Tensor:
        """r m̂/(√v̂ + eps/√(1 − β₂^s)), as torch adds eps to √v; driven is w."""
        after, second = step + share, self.betas[1]
        mean = state["m"] / taken(self.betas[0], after)
        longest = 2.0 / (1.0 - second) - 1.0
        known = taken(second, after)
        length = longest - 2.0 * after * second**after / known
        if length <= 5.0:
            return mean
        rectified = (length - 4.0) * (length - 2.0) * longest
        rectified /= (longest - 4.0) * (longest - 2.0) * length
        return mean.mul_((rectified * known) ** 0.5).div_(state["v"].sqrt().add_(self.eps))
