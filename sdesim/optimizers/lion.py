"""Lion: steps by the sign of an interpolated momentum."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Gt

from sdesim.kinds import kind
from sdesim.optimizers.adam import Betas
from sdesim.optimizers.base import Base
from sdesim.optimizers.closure import loss_of
from sdesim.optimizers.sde import Condition, Form, Input, OptimizerSDE, kept, mixed, pair, taken

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer


@kind("optimizers", "lion")
@dataclass(frozen=True)
class Lion(Base):
    """θ ← (1 − η weight_decay) θ − η sign(β₁ m + (1 − β₁) g), then m ← β₂ m + (1 − β₂) g; m begins at 0.

    Every coordinate moves by η at each step, so that rates are some ten times smaller than Adam's.

    Args:
        lr: η.
        batch_size: examples to a minibatch; without it the full batch.
        betas: β₁, of m in the step, and β₂, how much m keeps of itself.
        weight_decay: w, which takes η w of θ away at each step, past m.

    Source: Chen et al., Symbolic Discovery of Optimization Algorithms, Algorithm 2, arXiv 2302.06675.

    Example:
        {kind: lion, lr: 1e-4, batch_size: 64}
    """

    lr: Annotated[float, Gt(0)]
    batch_size: Annotated[int, Ge(1)] | None = None
    betas: Betas = (0.9, 0.99)
    weight_decay: Annotated[float, Ge(0)] = 0.0

    preconditioner: ClassVar[str | None] = "sign"
    decoupled_decay: ClassVar[bool] = True

    def build(self, parameters: Iterable[Any]) -> Optimizer:
        """A torch optimizer that makes these steps."""
        made: Optimizer = _optimizer_class()(parameters, **self.settings())
        return made

    def equation(self, form: Form | None = None) -> OptimizerSDE | str:
        """dθ = −E[S] ds + Cov[S]^½ dW, S the sign of one step's interpolated momentum."""
        return LionSDE(decay=self.weight_decay, decoupled=True, betas=(self.betas[0], self.betas[1]))


@dataclass(frozen=True, kw_only=True)
class LionSDE(OptimizerSDE):
    """The SDE of Lion; of sign descent where β₁ is 0.

    Given m, a step moves θ by −η S, S = sign(β₁ m + (1 − β₁) g): for normal noise of variance σ² in a
    coordinate E[S] = erf(c/(√2 (1 − β₁) σ)), c = β₁ m + (1 − β₁) ∇L, and 1 − E[S]² its variance. A share h
    moves it by −ηh [(1 + r)/2 S + (1 − r)/2 S′], r = √(2/h − 1), of two independent g and g′, which has h
    times that mean and h times that covariance whatever the law of the noise; m ← β₂^h m + (1 − β₂^h) w, of
    w = (1 + r)/2 g + (1 − r)/2 g′, whose covariance is Σ/h. A decay takes ηλh of θ.

    Args:
        betas: β₁, β₂.
    """

    betas: tuple[float, float] = (0.9, 0.99)

    source: ClassVar[str] = (
        "of signs Compagnoni et al., arXiv 2411.15958; two gradients in a share as in Li, Malladi & Arora, "
        "NeurIPS (2021), arXiv 2102.12470"
    )

    @property
    def torch_names(self) -> Mapping[str, str]:
        """m."""
        return {"m": "exp_avg"}

    def inputs(self, share: float, index: float = 2.0) -> tuple[Input, ...]:
        """g, and g′ at a share below 1."""
        return pair(share, index)

    def advance(
        self, theta: Tensor, state: dict[str, Tensor], inputs: Sequence[Tensor], *,
        rate: float | Tensor, share: float, step: float,
    ) -> None:  # fmt: skip
        """Move θ and m by a share of a step, in place."""
        first, second = self.betas
        m, given = state["m"], [self.gradient(theta, one) for one in inputs]
        signs = [m.lerp(one, 1.0 - first).sign_() for one in given]
        self.shrink(theta, rate, share)
        theta.sub_(mixed(signs, share) * (rate * share))
        m.mul_(kept(second, share)).add_(mixed(given, share), alpha=taken(second, share))

    def validity(
        self, *, rate: float, curvature: float = math.nan, signal: float = math.nan, noise: float = math.nan,
        dim: int = 1,
    ) -> tuple[Condition, ...]:  # fmt: skip
        """Steps over which the gradient changes by less than its noise, and a slow m.

        The curvature is that of the loss itself.
        """
        strength = math.sqrt(noise / dim) if noise > 0.0 else math.nan
        text = "ηλ/σ, σ² = Tr Σ/d: above, signs turn at every step near a minimum, whatever the noise"
        slow = "1 − β₂: above, m forgets within single steps"
        return (
            Condition("noise_smooths_signs", rate * curvature / strength, 0.18, text),
            Condition("momentum_slow", 1.0 - self.betas[1], 0.2, slow),
        )


@cache
def _optimizer_class() -> Any:
    """The class of torch optimizers, made when torch is first needed."""
    import torch

    class Lion(torch.optim.Optimizer):
        """Steps of `sdesim.optimizers.Lion`; its state is m, "exp_avg"."""

        def __init__(
            self, params: Any, lr: float = 1e-4, betas: tuple[float, float] = (0.9, 0.99),
            weight_decay: float = 0.0,
        ) -> None:  # fmt: skip
            super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

        @torch.no_grad()
        def step(self, closure: Callable[[], Any] | None = None) -> Any:
            """One step; returns what the closure does."""
            loss = loss_of(closure)
            for group in self.param_groups:
                lr, (kept, keeps), decay = group["lr"], group["betas"], group["weight_decay"]
                for theta in group["params"]:
                    if theta.grad is None:
                        continue
                    state = self.state[theta]
                    mean = state.setdefault("exp_avg", torch.zeros_like(theta))
                    direction = mean.lerp(theta.grad, 1.0 - kept).sign_()
                    theta.mul_(1.0 - lr * decay).add_(direction, alpha=-lr)
                    mean.lerp_(theta.grad, 1.0 - keeps)
            return loss

    Lion.__qualname__ = "LionOptimizer"
    return Lion


def __getattr__(name: str) -> Any:
    if name == "LionOptimizer":
        return _optimizer_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
