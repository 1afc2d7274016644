"""NAdam: Adam that looks ahead as Nesterov's momentum does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, ClassVar

from annotated_types import Ge, Gt

from sdesim.kinds import kind
from sdesim.optimizers.adam import AdamSDE, Betas
from sdesim.optimizers.base import Base
from sdesim.optimizers.sde import Form, OptimizerSDE, taken, whole_steps

if TYPE_CHECKING:
    from torch import Tensor


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

    def equation(self, form: Form | None = None) -> OptimizerSDE | str:
        """That of Adam, which looks ahead."""
        return NAdamSDE(
            decay=self.weight_decay, decoupled=self.decoupled_decay, sign=-1.0 if self.maximize else 1.0,
            betas=(self.betas[0], self.betas[1]), eps=self.eps, momentum_decay=self.momentum_decay,
        )  # fmt: skip


# Below this a product of β's changes nothing beside 1.
_NOTHING = 1e-18


@dataclass(frozen=True, kw_only=True)
class NAdamSDE(AdamSDE):
    """The SDE of NAdam: m and v as of Adam's, θ ← (1 − ηλh) θ − ηh u/(√v̂ + eps).

    u = (1 − μ)/(1 − Π) w + μ′/(1 − Π μ′) m, w the gradient of the share, μ = β₁ (1 − ½ 0.96^{tψ}) at the step
    t that the share is in, μ′ at t + 1, Π the product of all μ so far, at least of the first step.

    Args:
        momentum_decay: ψ.
    """

    momentum_decay: float = 4e-3

    def counted(self, rate: float, step: float) -> Mapping[str, float]:
        """Π of the steps before."""
        whole = whole_steps(step)
        begun = _look(self.betas[0], self.momentum_decay, whole + 1) ** max(0.0, step - whole)
        return {"mu_product": _gathered(self.betas[0], self.momentum_decay, whole) * begun}

    def direction(self, state: Mapping[str, Tensor], driven: Tensor, share: float, step: float) -> Tensor:
        """u/(√v̂ + eps)."""
        first, second = self.betas
        after, made = step + share, whole_steps(step) + 1
        now, ahead = (_look(first, self.momentum_decay, t) for t in (made, made + 1))
        product = 1.0 - _gathered(first, self.momentum_decay, max(made - 1, 1))
        if made > 1:
            product = 1.0 - (1.0 - product) * now ** min(1.0, after - made + 1.0)
        further = 1.0 - (1.0 - product) * ahead
        found = driven * ((1.0 - now) / product) + state["m"] * (ahead / further)
        return found.div_((state["v"] / taken(second, after)).sqrt_().add_(self.eps))


def _look(beta: float, decay: float, t: int) -> float:
    """μ at step t."""
    return float(beta * (1.0 - 0.5 * 0.96 ** (t * decay)))


@lru_cache(maxsize=4096)
def _gathered(beta: float, decay: float, steps: int) -> float:
    """μ at step 1 to that at the last of these steps, multiplied."""
    found = 1.0
    for t in range(1, steps + 1):
        found *= _look(beta, decay, t)
        if found < _NOTHING:
            return 0.0
    return found
