"""Stochastic gradient descent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Gt, Lt

from sdesim.kinds import Misfit, kind
from sdesim.optimizers.base import Base
from sdesim.optimizers.sde import Condition, Form, OptimizerSDE, in_first_step, kept, rate_condition, taken

if TYPE_CHECKING:
    from torch import Tensor


@kind("optimizers", "sgd")
@dataclass(frozen=True)
class SGD(Base):
    """θ ← θ − η m, m ← β m + (1 − dampening)(g + weight_decay θ); m is g where β is 0. torch.optim.SGD.

    Args:
        lr: η.
        batch_size: examples to a minibatch; without it the full batch.
        momentum: β.
        dampening: of the gradient in m.
        nesterov: whether the step looks ahead, g + β m; needs a momentum above 0 and no dampening.
        weight_decay: factor of θ that is added to the gradient.
        maximize: whether the step climbs, along +g.

    Example:
        {kind: sgd, lr: 0.1, batch_size: 64}
    """

    lr: Annotated[float, Gt(0)]
    batch_size: Annotated[int, Ge(1)] | None = None
    momentum: Annotated[float, Ge(0), Lt(1)] = 0.0
    dampening: Annotated[float, Ge(0), Lt(1)] = 0.0
    nesterov: bool = False
    weight_decay: Annotated[float, Ge(0)] = 0.0
    maximize: bool = False

    torch_name: ClassVar[str] = "SGD"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and (self.momentum == 0.0 or self.dampening > 0.0):
            raise Misfit("nesterov", "nesterov needs a momentum above 0 and no dampening")

    @property
    def plain(self) -> bool:
        """Without momentum, weight decay and groups, downhill; dampening acts with momentum only."""
        return not (self.momentum or self.weight_decay or self.maximize or self.groups)

    @property
    def beside_plain(self) -> tuple[str, ...]:
        """The settings beside lr and batch_size that are not at their defaults."""
        names = ("momentum", "dampening", "nesterov", "weight_decay", "maximize", "groups")
        return tuple(name for name in names if getattr(self, name))

    def scheme(self) -> Any:
        """Euler–Maruyama, or heavy ball at this momentum.

        Weight decay, dampened gradients, groups and steps uphill have no place in the SDE of the loss.
        """
        dampened = self.momentum and self.dampening
        if self.weight_decay or dampened or self.maximize or self.groups:
            return None
        from sdesim.engine.schemes import EulerMaruyama, HeavyBall

        return HeavyBall(self.momentum, self.nesterov) if self.momentum else EulerMaruyama()

    def equation(self, form: Form | None = None) -> OptimizerSDE | str:
        """dθ = −(∇L + λθ) dt + √η Σ^½ dW in t = Σ η, the momentum a state or in the overdamped limit."""
        return MomentumSDE(
            decay=self.weight_decay, sign=-1.0 if self.maximize else 1.0, momentum=self.momentum,
            dampening=self.dampening if self.momentum else 0.0, nesterov=self.nesterov,
            form=form or "underdamped",
        )  # fmt: skip

    def scaled(self, kappa: float) -> SGD:
        """The linear rule: κη at κ times the batch; β, dampening and λ as they are."""
        return self.with_batch(kappa, lr=kappa)

    def short(self, factor: int) -> SGD:
        """β^{1/l}, and η (1 − β^{1/l})/(1 − β)/l, so that a gradient moves θ as far in the end."""
        beta, share = self.momentum, 1.0 / factor
        gain = taken(beta, share) / (1.0 - beta)
        return replace(self, lr=self.lr * gain * share, momentum=kept(beta, share), groups=())


@dataclass(frozen=True, kw_only=True)
class MomentumSDE(OptimizerSDE):
    """The SDE of SGD, with w = ∇L + λθ + h^{1/α − 1} ξ at a share h.

    Without momentum θ ← θ − ηh w. Underdamped, m ← β^h m + (1 − τ)(1 − β^h)/(1 − β) w and θ ← θ − ηh m, or
    −ηh (w + βm) of Nesterov's; torch's first step takes g without dampening, and so does this. Overdamped,
    θ ← θ − ηh (1 − τ)/(1 − β) w.

    Underdamped, the mean of m and the noise that θ collects are the optimizer's at every β and h; what
    differs is how fast m forgets within a step, so it holds for small 1 − β and short steps. Its inertia
    shows where (1 − β)² is of the order of ηλ(1 − τ). Overdamped it holds where m forgets long before θ
    moves, ηλ(1 − τ)/(1 − β)² ≪ 1.

    Args:
        momentum: β. dampening: τ. nesterov: as of `SGD`.
        form: "underdamped" or "overdamped"; without momentum both are the same.
    """

    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    form: Form = "underdamped"

    source: ClassVar[str] = "Li, Tai & E, ICML (2017), arXiv 1511.06251"

    @property
    def held(self) -> bool:
        """Whether m is a state."""
        return self.momentum > 0.0 and self.form == "underdamped"

    @property
    def torch_names(self) -> Mapping[str, str]:
        """m, where it is a state."""
        return {"momentum": "momentum_buffer"} if self.held else {}

    @property
    def gain(self) -> float:
        """(1 − τ)/(1 − β), how far a gradient moves θ in the end."""
        return (1.0 - self.dampening) / (1.0 - self.momentum)

    def advance(
        self, theta: Tensor, state: dict[str, Tensor], inputs: Sequence[Tensor], *,
        rate: float | Tensor, share: float, step: float,
    ) -> None:  # fmt: skip
        """Move θ and m by a share of a step, in place."""
        driven = self.gradient(theta, inputs[0])
        if not self.held:
            theta.sub_(driven * (rate * (share * self.gain)))
            return
        beta, m = self.momentum, state["momentum"]
        weight = taken(beta, share) / (1.0 - beta)
        if not in_first_step(step):
            weight *= 1.0 - self.dampening
        m.mul_(kept(beta, share)).add_(driven, alpha=weight)
        theta.sub_((driven + beta * m if self.nesterov else m) * (rate * share))

    def clock(self, rates: Any) -> Any:
        """η(1 − τ)/(1 − β)."""
        return rates * self.gain

    def validity(
        self, *, rate: float, curvature: float = math.nan, signal: float = math.nan, noise: float = math.nan,
        dim: int = 1,
    ) -> tuple[Condition, ...]:  # fmt: skip
        """ηλ(1 − τ)/(1 + β), twice the share of the largest stable rate, small; with momentum by form."""
        beta, gain = self.momentum, self.gain
        scale = (1.0 - self.dampening) / (1.0 + beta)
        found = [rate_condition(rate * curvature * scale, "ηλ(1 − τ)/(1 + β): above, steps are too long")]
        if beta > 0.0 and self.form == "underdamped":
            text = "1 − β: above, m forgets within single steps"
            found.append(Condition("momentum_slow", 1.0 - beta, 0.2, text))
        elif beta > 0.0:
            text = "ηλ(1 − τ)/(1 − β)²: above, θ moves before m has forgotten; the underdamped form holds"
            found.append(Condition("momentum_fast", rate * curvature * gain / (1.0 - beta), 0.1, text))
        return tuple(found)
