"""Resilient propagation: steps of each coordinate's own length, along the sign of its gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Gt, Lt

from sdesim.kinds import Misfit, kind
from sdesim.optimizers.base import Base
from sdesim.optimizers.sde import Form, OptimizerSDE


@kind("optimizers", "rprop")
@dataclass(frozen=True)
class Rprop(Base):
    """θ ← θ − s sign(g), s growing by etas[1] while g keeps its sign. torch.optim.Rprop.

    Where it turns there is no step, and s shrinks by etas[0]. Lengths s begin at η; the rate counts at the
    first step alone.

    Args:
        lr: η.
        batch_size: examples to a minibatch; without it the full batch, which it is made for.
        etas: factors of the lengths, below and above 1.
        step_sizes: least and largest length.
        maximize: whether the step climbs, along +g.

    Source: Riedmiller & Braun, IEEE Int. Conf. on Neural Networks (1993).

    Example:
        {kind: rprop, lr: 1e-2}
    """

    lr: Annotated[float, Gt(0)]
    batch_size: Annotated[int, Gt(0)] | None = None
    etas: tuple[Annotated[float, Gt(0), Lt(1)], Annotated[float, Gt(1)]] = (0.5, 1.2)
    step_sizes: tuple[Annotated[float, Gt(0)], Annotated[float, Gt(0)]] = (1e-6, 50.0)
    maximize: bool = False

    torch_name: ClassVar[str] = "Rprop"
    preconditioner: ClassVar[str | None] = "sign"
    keeps_rate: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.step_sizes[0] > self.step_sizes[1]:
            raise Misfit("step_sizes", f"found {list(self.step_sizes)}, allowed: the least one first")

    def equation(self, form: Form | None = None) -> OptimizerSDE | str:
        """Why there is none."""
        return (
            "Rprop has no SDE: it is made for gradients without noise, and its lengths jump where "
            "they turn; nearest: lion with betas (0, 0), sign descent"
        )
