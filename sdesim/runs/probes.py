"""When runs are saved, and when and how they are probed; the same choices serve both arms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from numpy.typing import NDArray

from sdesim.compiled.streams import PROBES, sequence
from sdesim.kinds import Misfit, kind
from sdesim.runs.exactness import MOST_TIMES, Exactness, Sequential, exactness_of
from sdesim.runs.schema import (
    DRAWN_CURVATURE_PROBE,
    DRAWN_PROBE,
    EXACT_CURVATURE_PROBE,
    EXACT_GROUP_PROBE,
    EXACT_PROBE,
    EXACT_STEP_PROBE,
)

Count = Annotated[int, Ge(1)]
# Points that a training saves where nobody says.
SAVED_POINTS = 200
_DEFAULT_PROBES = 20
# Most numbers of example gradients, N·d, that a probe reads where nobody says.
LARGEST = 1e9


@kind("settings", "probes")
@dataclass(frozen=True)
class Probes:
    """When and how gradients and curvature are measured.

    Args:
        every: steps between probes; the first is at step 0. None: in training as often as costs at most 5% of
            the optimizer steps, reckoned from the sizes of the recipe alone, and at least at step 0; in
            simulation 20 times a run.
        samples: stochastic gradients drawn at each probe, n.
        batch_size: of the probed gradients; None: the training batch (1 where training is full-batch).
        estimators: "all", or some of "gradient", "curvature" and "progress".
        trajectories: only the first so many trajectories of an ensemble are probed.
        tangent: also follow a tangent vector (largest Lyapunov exponent): simulated runs with schemes
            euler-maruyama, sgd and heavy-ball, which walk the probed trajectories a second time for it, and
            training with `torch.optim.SGD`.
        curvature_every: probes between those that take the Hessian too, which costs most; the first does, and
            the last if another would. None: every one; where training chooses `every`, as many as half of its
            5% pays for.
        branches: real steps of the very optimizer that a probe makes from its state and takes back, for
            `progress`; in simulation steps −η g. So many virtual steps also give `C_star_trapezoid` of plain
            SGD. 0: none.
        progress_every: probes between those that do so; the first does, and the last if another would. None:
            every one; where training chooses `every`, as many as 5% of the optimizer steps pay for, beside
            the 5% of all else.
        mode: "train": gradients, training loss and Hessian are those of the network as it trains (statistics
            of batches, dropout with masks that are held fixed within one reading); "eval": of the network in
            evaluation mode, which is another function where layers act differently there. Simulated runs
            have no modes.
        exact: whether C, C*, drift and phase are read without sampling where that can be: μ and Σ from the
            gradients of all N examples, of a simulated arm from its drift and the law of its noise. "auto":
            where N·d ≤ 10⁹; where Σ can't be had so, μ alone is. True: whatever N·d. "mean": μ alone, Σ from
            the draws. False: from the draws.
        precision: half-width of C's 95% interval over max(C, C*). Readings that are sampled draw on until it
            is reached, twice as many each time; `precision_not_reached` flags where it is not.
        most_samples: draws of one such reading at most. None: as many as the budget pays for; 32 times
            `samples` where there is none.
        budget: share of the run's work that readings may cost, counted beforehand and not timed; a training's
            measured progress has as much of its own. None: 0.05 in training without `every`, else no limit.
            Where it does not pay for readings without draws they are sampled, and where it pays for none the
            run is refused.
        eigenvalue_examples: so many examples, drawn anew at each probe, of which λ_max, λ_min and S are read
            in training. λ_max is debiased then, with an interval that holds the draw; flag `subsampled`.
            None: all; but an eighth, at least 1,000, of 4,000 and more where products with their Hessian
            are many operations (N·d above 2·10⁶, above 5·10⁷ in networks of dense layers), unless examples
            are weighted or read anew, or the optimizer scales coordinates unequally.

    Raises:
        Misfit: fewer `most_samples` than `samples`, or without a precision.
    """

    every: Count | None = None
    samples: Annotated[int, Ge(2)] = 64
    batch_size: Count | None = None
    estimators: Literal["all"] | tuple[Literal["gradient", "curvature", "progress"], ...] = "all"
    trajectories: Count = 16
    tangent: bool = False
    curvature_every: Count | None = None
    branches: Annotated[int, Ge(0)] = 8
    progress_every: Count | None = None
    mode: Literal["train", "eval"] = "train"
    exact: Literal["auto", "mean"] | bool = "auto"
    precision: Annotated[float, Gt(0), Lt(1)] | None = None
    most_samples: Count | None = None
    budget: Annotated[float, Gt(0), Le(1)] | None = None
    eigenvalue_examples: Annotated[int, Ge(16)] | None = None

    def __post_init__(self) -> None:
        if self.most_samples is None:
            return
        if self.precision is None:
            raise Misfit("most_samples", f"found {self.most_samples}, allowed: none without a precision")
        if self.most_samples < self.samples:
            raise Misfit(
                "most_samples", f"found {self.most_samples}, allowed: at least samples, {self.samples}"
            )

    def exactness(self, oracle: Any) -> Exactness | None:
        """How far a probe of an oracle goes without draws of its own; None: not at all."""
        return exactness_of(oracle, self.exact, self.precision, LARGEST, self.most)

    @property
    def most(self) -> int:
        """Draws of one reading at most."""
        if self.precision is None:
            return self.samples
        return self.most_samples or MOST_TIMES * self.samples

    @property
    def sequential(self) -> Sequential | None:
        """How far readings that are sampled draw on; None: not at all."""
        return None if self.precision is None else Sequential(self.precision, self.most)

    def further_variables(
        self, *, known: bool, linear: bool = False, groups: bool = False
    ) -> tuple[str, ...]:
        """Variables of the schema beyond those of the draws.

        Args:
            known: whether μ, or μ and Σ, may be known without them. linear: whether the optimizer's step is
                linear in the gradient without being plain. groups: whether there are parameter groups.
        """
        bends = self.wants("curvature")
        names: tuple[str, ...] = ()
        if known and self.exact is not False:
            names = (*EXACT_PROBE, *(EXACT_GROUP_PROBE if groups else ()))
            names += EXACT_CURVATURE_PROBE if bends else ()
            names += EXACT_STEP_PROBE if bends and linear else ()
        if self.precision is not None:
            names += (*DRAWN_PROBE, *(DRAWN_CURVATURE_PROBE if bends else ()))
        return names

    def wants(self, group: str) -> bool:
        """Whether the "gradient", "curvature" or "progress" group is probed."""
        return self.estimators == "all" or group in self.estimators

    def bends(self, index: int, count: int) -> bool:
        """Whether the probe of this index, out of ``count``, takes the Hessian."""
        apart = self.curvature_every or 1
        return self.wants("curvature") and (index % apart == 0 or apart < count == index + 1)

    def branches_at(self, index: int, count: int) -> bool:
        """Whether the probe of this index, out of ``count``, measures progress."""
        apart = self.progress_every or 1
        wanted = self.wants("progress") and self.branches > 0
        return wanted and (index % apart == 0 or apart < count == index + 1)

    def probe_steps(self, steps: int) -> NDArray[np.int64]:
        """Steps at which to probe: 0, every, 2·every, … ≤ steps."""
        return np.arange(0, steps + 1, self.interval(steps), dtype=np.int64)

    def interval(self, steps: int) -> int:
        """Steps between two probes of a run of so many."""
        return self.every or max(1, steps // _DEFAULT_PROBES)


def saved_steps(steps: int, every: int) -> NDArray[np.int64]:
    """Steps at which to save: 0, every, 2·every, … and always the last."""
    return np.unique(np.append(np.arange(0, steps, every, dtype=np.int64), np.int64(steps)))


def saved_count(steps: int, every: int) -> int:
    """How many steps `saved_steps` gives."""
    return -(-steps // every) + 1


def probe_rng(seed: int, trajectory: int, step: int) -> np.random.Generator:
    """The generator of one probe: a pure function of (seed, trajectory, step), shared by both arms."""
    return np.random.Generator(np.random.Philox(sequence(seed, PROBES, trajectory, step)))
