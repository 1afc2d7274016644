"""The steps of an optimizer's SDE as a scheme of the engine, which walks its trajectories itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sdesim.engine.schemes.base import Base, Orders, orders
from sdesim.optimizers.sde import OptimizerSDE
from sdesim.runs.stamp import digest_of

if TYPE_CHECKING:
    from sdesim.engine.plan import Plan
    from sdesim.runs import Probes
    from sdesim.training.twinning.ensemble import TwinEnsemble

Array = NDArray[np.float64]
Steps = NDArray[np.int64]


class Evaluator(Protocol):
    """A loss L, the mean of those of n examples, at many θ (K, d); as of `surfaces.torch.batched`."""

    examples: int
    width: int
    device: Any
    threads: int

    def losses(self, theta: Tensor) -> Tensor:
        """L (K,)."""
        ...

    def gradients(self, theta: Tensor) -> Tensor:
        """∇L (K, d)."""
        ...

    def weighted(self, theta: Tensor, weights: Tensor) -> Tensor:
        """Σ_i w_i ∇ℓ_i, weights (K, n) or (K, C, n) → (K, d) or (K, C, d)."""
        ...

    def picked(self, theta: Tensor, indices: Tensor) -> Tensor:
        """Gradients of the mean losses of minibatches (K, B) of examples: (K, d)."""
        ...


class Reader(Protocol):
    """What a probe of one trajectory is told of the optimizer that stands there."""

    def keywords(self, theta: Tensor, state: Mapping[str, Tensor], step: float) -> dict[str, Any]:
        """Keywords of `runs.probe`: the metric and the linear step."""
        ...

    def variables(self, probes: Probes, known: bool) -> tuple[str, ...]:
        """Names of the schema that its readings give beyond those of every run."""
        ...


@dataclass(frozen=True, eq=False)
class Part:
    """Coordinates that move by one SDE a step.

    Attributes:
        columns: which of θ, slices side by side; equations, which, rates: as of `rehearsal.Group`.
    """

    columns: tuple[slice, ...]
    equations: tuple[OptimizerSDE, ...]
    which: Steps
    rates: Array

    def equation(self, step: int) -> OptimizerSDE:
        """The SDE of an optimizer's step."""
        found: OptimizerSDE = self.equations[int(self.which[step])]
        return found


@dataclass(frozen=True, eq=False, kw_only=True)
class OptimizerSteps(Base):
    """The twin of an optimizer: step k of the run is the share from s = begin + k/stretch to begin + (k + 1)/
    stretch of its steps.

    Args:
        parts: what moves θ. rates: η of every step as a run records it (S + 1,).
        stretch: steps of the twin to one of the optimizer.
        begin: the optimizer's step at which it starts.
        state: at the start, by the names of the SDEs' states, (K, d) each; others begin as in training.
        evaluator: of the loss. reader: of probes.
        chunk: so many trajectories at once, for the memory they take; None: all.
    """

    parts: tuple[Part, ...]
    rates_of_steps: Array
    stretch: int
    evaluator: Evaluator
    reader: Reader
    begin: int = 0
    state: Mapping[str, Tensor] = field(default_factory=dict)
    chunk: int | None = None

    kind: ClassVar[str] = "optimizer-steps"
    strong_order: ClassVar[Orders] = orders(gaussian=None, levy=None, minibatch=None)
    weak_order: ClassVar[Orders] = orders(gaussian=1.0, levy=None, minibatch=1.0)
    of_a_loss: ClassVar[bool] = True
    walks: ClassVar[bool] = True

    def __repr__(self) -> str:
        """All that decides the numbers, for the fingerprint of a run."""
        numbers = [self.rates_of_steps]
        for part in self.parts:
            spans = [[s.start, s.stop] for s in part.columns]
            numbers += [part.rates, np.asarray(part.which), np.asarray(spans)]
        numbers += [self.state[name].cpu().numpy() for name in sorted(self.state)]
        shown = ", ".join(repr(one) for part in self.parts for one in part.equations[:3])
        return (
            f"OptimizerSteps({shown}, stretch={self.stretch}, begin={self.begin}, "
            f"{digest_of(*numbers)}, {sorted(self.state)})"
        )

    def place(self, step: int) -> tuple[int, float]:
        """(the optimizer's step, s) before a step of the run."""
        whole, rest = divmod(step, self.stretch)
        return self.begin + whole, self.begin + whole + rest / self.stretch

    def _at(self, table: Array, steps: Steps) -> Array:
        """Σ of a table over the optimizer's steps before the steps (S,) of the run."""
        whole, rest = np.divmod(np.asarray(steps), self.stretch)
        sums = np.concatenate([[0.0], np.cumsum(table[:-1])])
        at = self.begin + whole
        return np.asarray(np.where(rest > 0, sums[at] + table[at] * (rest / self.stretch), sums[at]))

    def times(self, steps: Steps) -> Array:
        """Σ η."""
        return self._at(self.rates_of_steps, steps)

    def rates(self, steps: Steps) -> Array:
        """η."""
        return self.rates_of_steps[self.begin + np.asarray(steps) // self.stretch]

    def sde_times(self, steps: Steps) -> Array:
        """The clock of the SDE of the first part that moves."""
        part = self.parts[0]
        taken = [part.equation(s).clock(rate) for s, rate in enumerate(part.rates)]
        return self._at(np.array(taken, dtype=np.float64), steps)

    def further_variables(self, probes: Probes, known: bool) -> tuple[str, ...]:
        """As the reader says."""
        return self.reader.variables(probes, known)

    def ensemble(self, plan: Plan, threads: int) -> TwinEnsemble:
        """All trajectories at the start of a plan."""
        from sdesim.training.twinning.ensemble import TwinEnsemble

        self.evaluator.threads = threads
        return TwinEnsemble(plan, self)
