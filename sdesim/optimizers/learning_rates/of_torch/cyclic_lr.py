"""A learning rate that goes up and down between two."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Lt

from sdesim.kinds import kind
from sdesim.kinds.misfit import Problem
from sdesim.optimizers.learning_rates.base import Base
from sdesim.optimizers.learning_rates.of_torch.schedule import TorchSchedule

_FUNCTION = "it is a function, which no file can hold: mode has those of torch's own"


@kind("learning_rates", "cyclic-lr")
@dataclass(frozen=True)
class CyclicLR(TorchSchedule):
    """From base_lr up to max_lr and back, again and again; the momentum the other way. torch's CyclicLR.

    Args:
        max_lr: the rate at the top of the first cycle, no share of the optimizer's.
        base_lr: the rate at the bottom; null: the optimizer's.
        step_size_up: steps up.
        step_size_down: steps down; null: as many.
        mode: how the height of a cycle changes: not at all, halved after each, or by gamma at each step.
        gamma: of mode exp_range.
        cycle_momentum: whether the momentum, β₁ of Adam and its kin, moves too.
        base_momentum: at the top of the first cycle.
        max_momentum: at the bottom.

    Source: L. Smith, Cyclical Learning Rates, arXiv 1506.01186, section 3.

    Example:
        {kind: cyclic-lr, max_lr: 0.2, step_size_up: 100, cycle_momentum: false}
    """

    max_lr: Annotated[float, Gt(0)]
    base_lr: Annotated[float, Ge(0)] | None = None
    step_size_up: Annotated[int, Ge(1)] = 2000
    step_size_down: Annotated[int, Ge(1)] | None = None
    mode: Literal["triangular", "triangular2", "exp_range"] = "triangular"
    gamma: Annotated[float, Gt(0)] = 1.0
    cycle_momentum: bool = True
    base_momentum: Annotated[float, Ge(0), Lt(1)] = 0.8
    max_momentum: Annotated[float, Ge(0), Lt(1)] = 0.9

    torch_name: ClassVar[str] = "CyclicLR"
    joins: ClassVar[bool] = False
    refused_fields: ClassVar[Mapping[str, str]] = {
        **Base.refused_fields, "scale_fn": _FUNCTION, "scale_mode": "it is of scale_fn, a function",
    }  # fmt: skip

    @property
    def moves_momentum(self) -> bool:
        """As the field says."""
        return self.cycle_momentum

    def moved(self, step: int, now: float, lr: float, steps: int) -> float:
        """base + (max − base) · the height at this step."""
        base = lr if self.base_lr is None else self.base_lr
        return base + self._height(step, self.max_lr - base)

    def momentum(self, step: int, steps: int) -> float | None:
        """max − (max − base) · the same height."""
        if not self.cycle_momentum:
            return None
        return self.max_momentum - self._height(step, self.max_momentum - self.base_momentum)

    def _height(self, step: int, whole: float) -> float:
        up = float(self.step_size_up)
        down = up if self.step_size_down is None else float(self.step_size_down)
        ratio, size = up / (up + down), up + down
        cycle = math.floor(1 + step / size)
        x = 1.0 + step / size - cycle
        factor = x / ratio if x <= ratio else (x - 1) / (ratio - 1)
        scale = {"triangular": 1.0, "triangular2": 1 / 2.0 ** (cycle - 1), "exp_range": self.gamma**step}
        return whole * factor * scale[self.mode]

    def problems(self, steps: int) -> Iterator[Problem]:
        """Momenta in the wrong order."""
        yield from super().problems(steps)
        if self.cycle_momentum and self.base_momentum > self.max_momentum:
            yield ("base_momentum",), f"found {self.base_momentum:g}, allowed: at most max_momentum"
