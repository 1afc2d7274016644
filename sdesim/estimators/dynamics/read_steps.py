"""What steps that were read along a training say together, at the newest of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate
from sdesim.estimators.dynamics.recent import recent_ratio
from sdesim.estimators.dynamics.successive import successive_steps

Array = NDArray[np.float64]
# Optimizer steps that are averaged before an interval of what depends on two of them is taken.
_CORRELATED = 25
_CONTRIBUTIONS = "contributions"


@dataclass(frozen=True, eq=False)
class ReadSteps:
    """Steps that were read (n,), in order.

    Attributes:
        step: number of each. rate: η.
        signal, noise: M and T of its batch (`contribution_moments`). batch: examples, NaN where not known.
        before, after: u·∇L at both ends, NaN where not known. gain: Ā, NaN where there is none.
        group_signal, group_noise: M and T of groups of parameters (n, G).
    """

    step: Array
    rate: Array
    signal: Array
    noise: Array
    batch: Array
    before: Array
    after: Array
    gain: Array
    group_signal: Array
    group_noise: Array

    def newest(self, count: int, end: int | None = None) -> ReadSteps:
        """The last ``count`` of the first ``end``."""
        end = len(self.step) if end is None else end
        some = slice(max(0, end - count), end)
        return ReadSteps(*(getattr(self, name)[some] for name in self.__dataclass_fields__))

    def where(self, chosen: Any) -> ReadSteps:
        """Those of a mask or of positions."""
        return ReadSteps(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Told:
    """What they say of the newest.

    Attributes:
        c: C at its batch; signal, noise: |μ|² and Tr Σ there. groups: C of each group.
        drift, c_star, phase: of `successive_steps`, None and "undefined" where too few follow one another.
        varies: whether batches of other sizes had a part.
    """

    c: Estimate
    signal: float
    noise: float
    groups: tuple[Estimate, ...] = ()
    drift: Estimate | None = None
    c_star: Estimate | None = None
    phase: str = "undefined"
    varies: bool = field(default=False)


def newest_of(read: ReadSteps, window: int, phase_window: int, level: float = 0.95) -> Told:
    """C, drift, C* and phase at the newest of these steps.

    Noise of batches of other sizes is converted to the newest's, as 1/B; where that is not known, only steps
    of batches that are not known either count.

    Args:
        window: readings that C is of, at most. phase_window: pairs of steps of the others.

    Raises:
        EstimatorError: no steps, or a window below 1.
    """
    if not len(read.step) or min(window, phase_window) < 1:
        raise EstimatorError(f"steps and windows must be at least 1, got {len(read.step)} and {window}")
    batch = float(read.batch[-1])
    known = read.where(np.isnan(read.batch) == math.isnan(batch))
    factor = np.ones(len(known.step)) if math.isnan(batch) else known.batch / batch
    known = replace(
        known, noise=known.noise * factor, group_noise=known.group_noise * factor[:, None], batch=factor
    )
    recent = known.newest(window)
    c = recent_ratio(recent.signal, recent.noise, 1, level, _CONTRIBUTIONS, positive=True)
    groups = tuple(
        recent_ratio(s, t, 1, level, _CONTRIBUTIONS, positive=True)
        for s, t in zip(recent.group_signal.T, recent.group_noise.T, strict=True)
    )
    told = Told(
        c, c.details["numerator"], c.details["denominator"], groups, varies=bool((recent.batch != 1).any())
    )
    return _with_phase(told, known, phase_window, level)


def _with_phase(told: Told, known: ReadSteps, phase_window: int, level: float) -> Told:
    pairs = known.where(np.isfinite(known.before) & np.isfinite(known.after) & (known.rate > 0))
    pairs = pairs.newest(phase_window)
    if len(pairs.step) < 2:
        return told
    block = max(1, math.ceil(_CORRELATED / float(np.median(np.diff(pairs.step)))))
    if len(pairs.step) < block:
        return told
    # Of steps of several forms, as where clipping sets in, each has its change and not all have an Ā.
    found = successive_steps(
        pairs.signal, pairs.noise, pairs.before, pairs.after, pairs.rate, pairs.gain, block, level
    )
    varies = told.varies or bool((pairs.batch != 1).any())
    return replace(told, drift=found.drift, c_star=found.c_star, phase=found.phase, varies=varies)
