"""A learning rate that rises once and falls to almost nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Lt

from sdesim.kinds import kind
from sdesim.kinds.misfit import Problem
from sdesim.optimizers.learning_rates.base import Base
from sdesim.optimizers.learning_rates.of_torch.schedule import TorchSchedule

_STEPS = "give total_steps, which without it are those of the training"


@kind("learning_rates", "one-cycle-lr")
@dataclass(frozen=True)
class OneCycleLR(TorchSchedule):
    """From max_lr/div_factor up to max_lr, then down; the momentum the other way. torch's OneCycleLR.

    Args:
        max_lr: the largest rate; null: the optimizer's.
        total_steps: of the whole cycle; null: those of the training.
        pct_start: share of them in which it rises.
        anneal_strategy: along a cosine, or linearly.
        cycle_momentum: whether the momentum, β₁ of Adam and its kin, moves too.
        base_momentum: where the rate is largest.
        max_momentum: at both ends.
        div_factor: max_lr over the first rate.
        final_div_factor: the first rate over the last.
        three_phase: whether it first falls as it rose, and then on to the last rate.

    Source: Smith & Topin, Super-Convergence, arXiv 1708.07120.
    """

    max_lr: Annotated[float, Gt(0)] | None = None
    total_steps: Annotated[int, Ge(1)] | None = None
    pct_start: Annotated[float, Ge(0), Le(1)] = 0.3
    anneal_strategy: Literal["cos", "linear"] = "cos"
    cycle_momentum: bool = True
    base_momentum: Annotated[float, Ge(0), Lt(1)] = 0.85
    max_momentum: Annotated[float, Ge(0), Lt(1)] = 0.95
    div_factor: Annotated[float, Gt(0)] = 25.0
    final_div_factor: Annotated[float, Gt(0)] = 1e4
    three_phase: bool = False

    torch_name: ClassVar[str] = "OneCycleLR"
    joins: ClassVar[bool] = False
    refused_fields: ClassVar[Mapping[str, str]] = {
        **Base.refused_fields, "epochs": _STEPS, "steps_per_epoch": _STEPS,
    }  # fmt: skip

    @property
    def moves_momentum(self) -> bool:
        """As the field says."""
        return self.cycle_momentum

    def moved(self, step: int, now: float, lr: float, steps: int) -> float:
        """From the rate at which the phase of this step begins to that at which it ends."""
        largest = lr if self.max_lr is None else self.max_lr
        first = largest / self.div_factor
        last = first / self.final_div_factor
        ends = ((first, largest), (largest, first), (first, last)) if self.three_phase else (
            (first, largest), (largest, last)
        )  # fmt: skip
        return self._between(ends, step, steps)

    def momentum(self, step: int, steps: int) -> float | None:
        """The same between the two momenta."""
        if not self.cycle_momentum:
            return None
        low, high = self.base_momentum, self.max_momentum
        ends = ((high, low), (low, high), (high, high)) if self.three_phase else ((high, low), (low, high))
        return self._between(ends, step, steps)

    def _between(self, ends: tuple[tuple[float, float], ...], step: int, steps: int) -> float:
        phases = self._phases(steps)
        # After the last step none is made, where torch would go on beyond the end.
        step = min(step, (self.total_steps or steps) - 1)
        k = next((k for k, end in enumerate(phases) if step <= end), len(phases) - 1)
        start = phases[k - 1] if k else 0.0
        share, (one, other) = (step - start) / (phases[k] - start), ends[k]
        if self.anneal_strategy == "linear":
            return (other - one) * share + one
        return other + (one - other) / 2.0 * (math.cos(math.pi * share) + 1)

    def _phases(self, steps: int) -> list[float]:
        """The step at which each phase ends."""
        total = self.total_steps or steps
        rise = float(self.pct_start * total) - 1
        fall = [float(2 * self.pct_start * total) - 2] if self.three_phase else []
        return [rise, *fall, total - 1]

    def problems(self, steps: int) -> Iterator[Problem]:
        """A cycle that is shorter than the training, or has a phase of no length."""
        yield from super().problems(steps)
        if self.total_steps is not None and self.total_steps < steps:
            text = f"found {self.total_steps}, allowed: at least {steps}, the steps of the training"
            yield ("total_steps",), text
        phases = self._phases(steps)
        starts = [0.0, *phases[:-1]]
        if any(end == start for start, end in zip(starts, phases, strict=True)):
            yield (
                ("pct_start",),
                f"found {self.pct_start:g}, by which a phase has no step: change it slightly",
            )
        if self.three_phase and 2 * self.pct_start > 1:
            yield ("pct_start",), f"found {self.pct_start:g}, allowed: at most 0.5 in three phases"
        if self.cycle_momentum and self.base_momentum > self.max_momentum:
            yield ("base_momentum",), f"found {self.base_momentum:g}, allowed: at most max_momentum"
