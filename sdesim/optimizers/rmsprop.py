"""RMSprop: steps scaled by a running mean of the gradient's square."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Gt, Lt

from sdesim.kinds import kind
from sdesim.optimizers.base import Base
from sdesim.optimizers.sde import (
    Condition,
    Form,
    Input,
    OptimizerSDE,
    in_first_step,
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


@kind("optimizers", "rmsprop")
@dataclass(frozen=True)
class RMSprop(Base):
    """θ ← θ − η b, b ← β b + g/(√v + eps), of a running mean v of g². torch.optim.RMSprop.

    Args:
        lr: η.
        batch_size: examples to a minibatch; without it the full batch.
        alpha: how much v keeps of itself at each step.
        eps: added to √v.
        weight_decay: factor of θ that is added to the gradient g.
        momentum: β, by which a step takes over the one before.
        centered: whether v is the variance of g, its running mean's square taken off.
        maximize: whether the step climbs, along +g.

    Source: Tieleman & Hinton, Neural Networks for Machine Learning, lecture 6.5 (2012).

    Example:
        {kind: rmsprop, lr: 1e-3, batch_size: 64}
    """

    lr: Annotated[float, Gt(0)]
    batch_size: Annotated[int, Ge(1)] | None = None
    alpha: Annotated[float, Ge(0), Lt(1)] = 0.99
    eps: Annotated[float, Gt(0)] = 1e-8
    weight_decay: Annotated[float, Ge(0)] = 0.0
    momentum: Annotated[float, Ge(0), Lt(1)] = 0.0
    centered: bool = False
    maximize: bool = False

    torch_name: ClassVar[str] = "RMSprop"
    preconditioner: ClassVar[str | None] = "rmsprop"

    def equation(self, form: Form | None = None) -> OptimizerSDE | str:
        """dθ = −P⁻¹(∇L ds + Σ^½ dW) with the running mean v, and b with a momentum, as states."""
        return RMSpropSDE(
            decay=self.weight_decay, sign=-1.0 if self.maximize else 1.0, alpha=self.alpha, eps=self.eps,
            momentum=self.momentum, centered=self.centered,
        )  # fmt: skip

    def scaled(self, kappa: float) -> RMSprop:
        """The square root rule: η√κ, 1 − κ(1 − alpha), eps/√κ at κ times the batch; β and λ as they are.

        Source: Malladi, Lyu, Panigrahi & Arora, NeurIPS (2022), arXiv 2205.10287.
        """
        root = math.sqrt(kappa)
        return self.with_batch(kappa, lr=root, alpha=kappa, eps=1.0 / root)

    def short(self, factor: int) -> RMSprop:
        """alpha^{1/l}, η/√l and √l eps, as amplified noise makes √v √l times as large; of β as SGD.

        Torch's v begins at 0, where a first short step is as long as a whole one: their number shows.
        """
        root, share, beta = math.sqrt(factor), 1.0 / factor, self.momentum
        gain = taken(beta, share) / (1.0 - beta)
        return replace(
            self, lr=self.lr * gain / root, alpha=kept(self.alpha, share), eps=self.eps * root,
            momentum=kept(beta, share), groups=(),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class RMSpropSDE(OptimizerSDE):
    """The SDE of RMSprop.

    At a share h, w made of g and g′ as by `sde.mixed`: v ← a^h v + (1 − a^h) (g² + g′²)/2, b ← β^h b + (1 −
    β^h)/(1 − β) w/(√v + eps), θ ← θ − ηh b; centered, v less the square of a running mean of (g + g′)/2,
    whose own noise, (1 − a)/(1 + a) of that of g, the SDE leaves out.

    Until the first step is whole, v counts as if it were: (1 − a)/(1 − a^s) v. Torch begins at v = 0 without
    a correction of bias, so that the noise of an SDE in v itself would be infinite at s = 0.

    Args:
        alpha: a. eps, momentum, centered: as of `RMSprop`.
    """

    alpha: float = 0.99
    eps: float = 1e-8
    momentum: float = 0.0
    centered: bool = False

    source: ClassVar[str] = (
        "Malladi, Lyu, Panigrahi & Arora, NeurIPS (2022), arXiv 2205.10287; Callisti et al., arXiv 2509.21614"
    )

    @property
    def torch_names(self) -> Mapping[str, str]:
        """v, and b and the mean of w where they are used."""
        names = {"v": "square_avg"}
        if self.momentum > 0.0:
            names["momentum"] = "momentum_buffer"
        if self.centered:
            names["m"] = "grad_avg"
        return names

    def inputs(self, share: float, index: float = 2.0) -> tuple[Input, ...]:
        """g, and g′ at a share below 1."""
        return pair(share, index)

    def advance(
        self, theta: Tensor, state: dict[str, Tensor], inputs: Sequence[Tensor], *,
        rate: float | Tensor, share: float, step: float,
    ) -> None:  # fmt: skip
        """Move θ and the state by a share of a step, in place."""
        given = [self.gradient(theta, one) for one in inputs]
        driven = mixed(given, share)
        new = taken(self.alpha, share)
        square = state["v"].mul_(kept(self.alpha, share)).add_(mean_square(given), alpha=new)
        if in_first_step(step + share):
            square = square * ((1.0 - self.alpha) / taken(self.alpha, step + share))
        if self.centered:
            # Of plain gradients, whose squares are in v, so that what is left of v is never negative.
            mean = state["m"].lerp_(sum(given[1:], given[0]) / len(given), new)
            square = square.addcmul(mean, mean, value=-1.0)
        pushed = driven / square.sqrt().add_(self.eps)
        if self.momentum > 0.0:
            weight = taken(self.momentum, share) / (1.0 - self.momentum)
            pushed = state["momentum"].mul_(kept(self.momentum, share)).add_(pushed, alpha=weight)
        theta.sub_(pushed * (rate * share))

    def clock(self, rates: Any) -> Any:
        """η²: the time in which noise and drift are of one order where noise sets √v."""
        return rates * rates

    def validity(
        self, *, rate: float, curvature: float = math.nan, signal: float = math.nan, noise: float = math.nan,
        dim: int = 1,
    ) -> tuple[Condition, ...]:  # fmt: skip
        """Short steps in the metric of √v, noise above the signal, a steady mean square."""
        text = "ηλ/(1 + β), λ in the metric of √v: above, steps are too long"
        return (
            rate_condition(rate * curvature / (1.0 + self.momentum), text),
            signal_condition(signal, noise),
            square_condition(self.alpha),
        )
