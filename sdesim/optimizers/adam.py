"""Adam: steps scaled by running means of the gradient and of its square."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Gt, Lt, MaxLen, MinLen

from sdesim.kinds import kind
from sdesim.optimizers.base import Base
from sdesim.optimizers.sde import (
    Condition,
    Form,
    Input,
    OptimizerSDE,
    kept,
    mean_square,
    mixed,
    pair,
    rate_condition,
    signal_condition,
    square_condition,
    taken,
)

if TYPE_CHECKING:
    from torch import Tensor

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

    def equation(self, form: Form | None = None) -> OptimizerSDE | str:
        """dθ = −P⁻¹m ds with the running means m and v as states."""
        if self.amsgrad:
            return AMSGRAD
        return AdamSDE(
            decay=self.weight_decay, decoupled=self.decoupled_decay, sign=-1.0 if self.maximize else 1.0,
            betas=(self.betas[0], self.betas[1]), eps=self.eps,
        )  # fmt: skip

    def scaled(self, kappa: float) -> Adam:
        """The square root rule: η√κ, 1 − κ(1 − β_i), eps/√κ at κ times the batch; a decoupled λ√κ, else λ."""
        return self.with_batch(kappa, **square_root_rule(kappa, self.decoupled_decay))

    def short(self, factor: int) -> Adam:
        """β_i^{1/l}, η/√l and √l eps, as amplified noise makes √v √l times as large; a decoupled λ/√l."""
        return replace(self, groups=(), **short_settings(self, factor))


AMSGRAD = (
    "amsgrad has no SDE: the largest v so far collects fluctuations, which vanish in the limit of small "
    "steps; nearest: amsgrad off"
)
"""Why there is none."""


def square_root_rule(kappa: float, decoupled: bool) -> dict[str, Any]:
    """By what each setting of an adaptive optimizer is scaled at κ times the batch; betas by their 1 − β.

    Source: Malladi, Lyu, Panigrahi & Arora, NeurIPS (2022), arXiv 2205.10287.
    """
    root = math.sqrt(kappa)
    return {"lr": root, "betas": kappa, "eps": 1.0 / root, "weight_decay": root if decoupled else 1.0}


def short_settings(adam: Any, factor: int) -> dict[str, Any]:
    """Of Adam's or AdamW's short steps with l times the covariance.

    Source: Malladi, Lyu, Panigrahi & Arora, NeurIPS (2022), arXiv 2205.10287, whose 1 − (1 − β)/l is β^{1/l}
    to first order; with it the correction of bias is that of whole steps.
    """
    root = math.sqrt(factor)
    decay = adam.weight_decay / (root if adam.decoupled_decay else 1.0)
    return {
        "lr": adam.lr / root, "eps": adam.eps * root, "weight_decay": decay,
        "betas": tuple(kept(beta, 1.0 / factor) for beta in adam.betas),
    }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class AdamSDE(OptimizerSDE):
    """The SDE of Adam and AdamW, with its corrections of bias.

    At a share h, w made of g and g′ as by `sde.mixed`: m ← β₁^h m + (1 − β₁^h) w, v ← β₂^h v + (1 − β₂^h)
    (g² + g′²)/2, m̂ = m/(1 − β₁^s), v̂ = v/(1 − β₂^s), s after the share, θ ← (1 − ηλh) θ − ηh m̂/(√v̂ + eps).

    The mean square keeps ∇L² beside Σ, which the limit of large noise drops.

    Args:
        betas: β₁, β₂. eps: as of `Adam`.
    """

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8

    source: ClassVar[str] = (
        "Malladi, Lyu, Panigrahi & Arora, NeurIPS (2022), arXiv 2205.10287; with weight decay Compagnoni et "
        "al., arXiv 2411.15958"
    )

    @property
    def torch_names(self) -> Mapping[str, str]:
        """m and v."""
        return {"m": "exp_avg", "v": "exp_avg_sq"}

    def inputs(self, share: float, index: float = 2.0) -> tuple[Input, ...]:
        """g, and g′ at a share below 1."""
        return pair(share, index)

    def advance(
        self, theta: Tensor, state: dict[str, Tensor], inputs: Sequence[Tensor], *,
        rate: float | Tensor, share: float, step: float,
    ) -> None:  # fmt: skip
        """Move θ, m and v by a share of a step, in place."""
        driven = self.means(theta, state, inputs, share)
        self.shrink(theta, rate, share)
        theta.sub_(self.direction(state, driven, share, step).mul_(rate * share))

    def means(
        self, theta: Tensor, state: dict[str, Tensor], inputs: Sequence[Tensor], share: float
    ) -> Tensor:
        """Take w into m and the squares into v; returns w."""
        given = [self.gradient(theta, one) for one in inputs]
        driven = mixed(given, share)
        first, second = self.betas
        state["m"].mul_(kept(first, share)).add_(driven, alpha=taken(first, share))
        state["v"].mul_(kept(second, share)).add_(mean_square(given), alpha=taken(second, share))
        return driven

    def direction(self, state: Mapping[str, Tensor], driven: Tensor, share: float, step: float) -> Tensor:
        """m̂/(√v̂ + eps), along which θ falls; driven is w."""
        after = step + share
        found = (state["v"] / taken(self.betas[1], after)).sqrt_().add_(self.eps)
        return (state["m"] / taken(self.betas[0], after)).div_(found)

    def clock(self, rates: Any) -> Any:
        """η²: the time in which noise and drift are of one order where noise sets √v."""
        return rates * rates

    def validity(
        self, *, rate: float, curvature: float = math.nan, signal: float = math.nan, noise: float = math.nan,
        dim: int = 1,
    ) -> tuple[Condition, ...]:  # fmt: skip
        """Noise above the signal, a steady mean square, slow running means.

        The curvature is that of the loss in the metric that √v̂ makes, as `lambda_max` of a run by Adam is.
        """
        first, second = self.betas
        text = "ηλ(1 − β₁)/(1 + β₁), λ in the metric of √v̂: above, steps are too long"
        return (
            rate_condition(rate * curvature * (1.0 - first) / (1.0 + first), text),
            signal_condition(signal, noise),
            square_condition(second),
            Condition("momentum_slow", 1.0 - first, 0.2, "1 − β₁: above, m forgets within single steps"),
        )
