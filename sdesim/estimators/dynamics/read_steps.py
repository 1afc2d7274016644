"""What steps that were read along a training say together, at the newest of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate
from sdesim.estimators.dynamics.recent import Series, recent_ratios
from sdesim.estimators.dynamics.successive import Steps, successive_windows

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
        clipped: 1 where the optimizer was given less than the gradient, else 0.
        outside: 1 where ``before`` is of a batch outside the step, 0 where it is of the step's own.
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
    clipped: Array
    outside: Array
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
    return newest_of_each([read], window, phase_window, level)[0]


def newest_of_each(
    reads: Sequence[ReadSteps], window: int, phase_window: int, level: float = 0.95
) -> list[Told]:
    """`newest_of` of many at once, each by itself.

    Raises:
        EstimatorError: as there.
    """
    if min(window, phase_window, *(len(read.step) for read in reads)) < 1:
        raise EstimatorError(f"steps and windows must be at least 1, got windows {window}, {phase_window}")
    known = [_converted(read) for read in reads]
    series: list[Series] = []
    for read in known:
        recent = read.newest(window)
        groups = zip(recent.group_signal.T, recent.group_noise.T, strict=True)
        series += [Series(s, t, t) for s, t in ((recent.signal, recent.noise), *groups)]
    ratios = iter(recent_ratios(series, level, _CONTRIBUTIONS, positive=True))
    chosen = [_paired(read, phase_window) for read in known]
    phases = iter(successive_windows([pairs for pairs in chosen if pairs is not None], level))
    told = []
    for read, pairs in zip(known, chosen, strict=True):
        c, layers = next(ratios), tuple(next(ratios) for _ in range(read.group_signal.shape[1]))
        found = None if pairs is None else next(phases)
        looked = read.batch[-max(window, phase_window if found else 0) :]
        varies = bool((looked != 1).any())
        sizes = c.details["numerator"], c.details["denominator"]
        if found is None:
            told.append(Told(c, *sizes, layers, varies=varies))
        else:
            told.append(Told(c, *sizes, layers, found.drift, found.c_star, found.phase, varies))
    return told


def _converted(read: ReadSteps) -> ReadSteps:
    """Noise at the newest's batch, and in the place of batches what they are of that."""
    batch = float(read.batch[-1])
    known = read.where(np.isnan(read.batch) == math.isnan(batch))
    factor = np.ones(len(known.step)) if math.isnan(batch) else known.batch / batch
    return replace(
        known, noise=known.noise * factor, group_noise=known.group_noise * factor[:, None], batch=factor
    )


def correlated_block(step: Array) -> int:
    """How many steps that were read, of (n ≥ 2,), are averaged before neighbours count as independent."""
    return max(1, math.ceil(_CORRELATED / float(np.median(np.diff(step)))))


def _paired(known: ReadSteps, phase_window: int) -> Steps | None:
    """The steps of the window whose ends are both known; None where they fill no block."""
    pairs = known.newest(phase_window)
    chosen = np.isfinite(pairs.before) & np.isfinite(pairs.after) & (pairs.rate > 0)
    if (pairs.clipped == 1).any():
        # Of a loop that cuts gradients down those left whole are a choice, with less noise than all.
        chosen &= pairs.outside == 1
    pairs = pairs.where(chosen)
    if len(pairs.step) < 2:
        return None
    block = correlated_block(pairs.step)
    if len(pairs.step) < block:
        return None
    return Steps(pairs.signal, pairs.noise, pairs.before, pairs.after, pairs.rate, pairs.gain, block)
