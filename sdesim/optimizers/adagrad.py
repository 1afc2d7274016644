"""Adagrad: steps scaled by the sum of all squared gradients."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Gt

from sdesim.kinds import kind
from sdesim.optimizers.base import Base
from sdesim.optimizers.sde import (
    Condition,
    Form,
    Input,
    OptimizerSDE,
    in_first_step,
    mean_square,
    mixed,
    pair,
    rate_condition,
    whole_steps,
)

if TYPE_CHECKING:
    from torch import Tensor


@kind("optimizers", "adagrad")
@dataclass(frozen=True)
class Adagrad(Base):
    """θ ← θ − η_t g/(√v + eps), v the sum of g² so far, η_t = η/(1 + lr_decay t). torch.optim.Adagrad.

    Args:
        lr: η.
        batch_size: examples to a minibatch; without it the full batch.
        lr_decay: how fast the rate falls; t counts from 0.
        weight_decay: factor of θ that is added to the gradient g.
        initial_accumulator_value: v at the start.
        eps: added to √v.
        maximize: whether the step climbs, along +g.

    Source: Duchi, Hazan & Singer, JMLR 12 (2011).

    Example:
        {kind: adagrad, lr: 1e-2, batch_size: 64}
    """

    lr: Annotated[float, Gt(0)]
    batch_size: Annotated[int, Ge(1)] | None = None
    lr_decay: Annotated[float, Ge(0)] = 0.0
    weight_decay: Annotated[float, Ge(0)] = 0.0
    initial_accumulator_value: Annotated[float, Ge(0)] = 0.0
    eps: Annotated[float, Gt(0)] = 1e-10
    maximize: bool = False

    torch_name: ClassVar[str] = "Adagrad"
    preconditioner: ClassVar[str | None] = "adagrad"

    def equation(self, form: Form | None = None) -> OptimizerSDE | str:
        """dθ = −(∇L ds + Σ^½ dW)/√v, dv = (∇L² + diag Σ) ds."""
        return AdagradSDE(
            decay=self.weight_decay, sign=-1.0 if self.maximize else 1.0, lr_decay=self.lr_decay,
            begins=self.initial_accumulator_value, eps=self.eps,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class AdagradSDE(OptimizerSDE):
    """The SDE of Adagrad.

    At a share h, w made of g and g′ as by `sde.mixed`: v ← v + h (g² + g′²)/2, θ ← θ − η_s h w/(√v +
    eps), η_s = η/(1 + lr_decay s) at the step that s is in. Until the first step is whole, what v has
    gathered counts as if it were, by 1/s, as the noise of an SDE in v itself would be infinite at s = 0.

    Args:
        lr_decay, eps: as of `Adagrad`. begins: v before the first step.
    """

    lr_decay: float = 0.0
    begins: float = 0.0
    eps: float = 1e-10

    source: ClassVar[str] = "Callisti et al., arXiv 2509.21614"

    @property
    def torch_names(self) -> Mapping[str, str]:
        """v."""
        return {"v": "sum"}

    def initial(self, theta: Tensor) -> dict[str, Tensor]:
        """v as it begins."""
        return {"v": theta.new_full(theta.shape, self.begins)}

    def inputs(self, share: float, index: float = 2.0) -> tuple[Input, ...]:
        """g, and g′ at a share below 1."""
        return pair(share, index)

    def advance(
        self, theta: Tensor, state: dict[str, Tensor], inputs: Sequence[Tensor], *,
        rate: float | Tensor, share: float, step: float,
    ) -> None:  # fmt: skip
        """Move θ and v by a share of a step, in place."""
        given = [self.gradient(theta, one) for one in inputs]
        driven = mixed(given, share)
        total = state["v"].add_(mean_square(given), alpha=share)
        if in_first_step(step + share):
            total = self.begins + (total - self.begins) / (step + share)
        slowed = rate / (1.0 + whole_steps(step) * self.lr_decay)
        theta.sub_(driven / total.sqrt().add_(self.eps) * (slowed * share))

    def clock(self, rates: Any) -> Any:
        """η²: the time in which noise and drift are of one order where noise sets √v."""
        return rates * rates

    def validity(
        self, *, rate: float, curvature: float = math.nan, signal: float = math.nan, noise: float = math.nan,
        dim: int = 1,
    ) -> tuple[Condition, ...]:  # fmt: skip
        """Short steps in the metric of √v."""
        return (rate_condition(rate * curvature, "ηλ, λ in the metric of √v: above, steps are too long"),)
