"""Lion: steps by the sign of an interpolated momentum."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from annotated_types import Ge, Gt

from sdesim.kinds import kind
from sdesim.optimizers.adam import Betas
from sdesim.optimizers.base import Base
from sdesim.optimizers.closure import loss_of

if TYPE_CHECKING:
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
