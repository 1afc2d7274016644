"""Averaged stochastic gradient descent, whose rate falls by a law of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Gt

from sdesim.kinds import kind
from sdesim.optimizers.base import Base
from sdesim.optimizers.sde import Condition, Form, OptimizerSDE, rate_condition, whole_steps

if TYPE_CHECKING:
    from torch import Tensor


@kind("optimizers", "asgd")
@dataclass(frozen=True)
class ASGD(Base):
    """θ ← (1 − λ η_t) θ − η_t g, η_t = η/(1 + λ η t)^alpha. torch.optim.ASGD.

    The mean of θ over the steps is kept beside θ, as torch does, and is not what is trained or measured.

    Args:
        lr: η.
        batch_size: examples to a minibatch; without it the full batch.
        lambd: λ, of the decay of θ and of the rate's fall.
        alpha: power of the rate's fall.
        t0: step from which the mean is taken.
        weight_decay: factor of θ that is added to the gradient g.
        maximize: whether the step climbs, along +g.

    Source: Polyak & Juditsky, SIAM J. Control Optim. 30 (1992).

    Example:
        {kind: asgd, lr: 1e-2, batch_size: 64}
    """

    lr: Annotated[float, Gt(0)]
    batch_size: Annotated[int, Ge(1)] | None = None
    lambd: Annotated[float, Ge(0)] = 1e-4
    alpha: Annotated[float, Ge(0)] = 0.75
    t0: Annotated[float, Ge(0)] = 1e6
    weight_decay: Annotated[float, Ge(0)] = 0.0
    maximize: bool = False

    torch_name: ClassVar[str] = "ASGD"
    decoupled_decay: ClassVar[bool] = True

    def equation(self, form: Form | None = None) -> OptimizerSDE | str:
        """dθ = −η_s ((∇L + λθ) ds + Σ^½ dW)."""
        return AsgdSDE(
            decay=self.weight_decay, sign=-1.0 if self.maximize else 1.0, lambd=self.lambd, alpha=self.alpha
        )


@dataclass(frozen=True, kw_only=True)
class AsgdSDE(OptimizerSDE):
    """The SDE of ASGD: that of SGD at the rate η_s = η/(1 + λ η s)^alpha of the step that s is in.

    θ ← (1 − λ η_s h) θ − η_s h w, with w = ∇L + h^{1/α − 1} ξ. Under a schedule torch's η_s follows the η of
    the step before; here it is that of the step itself.

    Args:
        lambd: λ. alpha: power of the fall.
    """

    lambd: float = 1e-4
    alpha: float = 0.75

    source: ClassVar[str] = "Li, Tai & E, ICML (2017), arXiv 1511.06251"

    def counted(self, rate: float, step: float) -> Mapping[str, float]:
        """η_s."""
        return {"eta": self.slowed(rate, step)}

    def slowed(self, rate: Any, step: float) -> Any:
        """η_s."""
        return rate / (1.0 + self.lambd * rate * whole_steps(step)) ** self.alpha

    def advance(
        self, theta: Tensor, state: dict[str, Tensor], inputs: Sequence[Tensor], *,
        rate: float | Tensor, share: float, step: float,
    ) -> None:  # fmt: skip
        """Move θ by a share of a step, in place."""
        driven = self.gradient(theta, inputs[0])
        slowed = self.slowed(rate, step)
        theta.mul_(1.0 - slowed * (self.lambd * share)).sub_(driven * (slowed * share))

    def validity(
        self, *, rate: float, curvature: float = math.nan, signal: float = math.nan, noise: float = math.nan,
        dim: int = 1,
    ) -> tuple[Condition, ...]:  # fmt: skip
        """Short steps."""
        return (rate_condition(rate * curvature, "ηλ: above, steps are too long"),)
