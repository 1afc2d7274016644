"""Whether the steps of a training lower its loss, from gradients of successive steps and without a Hessian.

The trapezoid rule along the step u_t of any optimizer,

    E ΔL ≈ E[u_t·∇L(θ_t) + u_t·∇L(θ_{t+1})]/2,

is off by −1/12 of ∂³L[u, u, u], and exact on quadratics. The next gradient has no part in the step, so that
u_t·g_{t+1} is unbiased for the second half. Of steps −η g_t with an unbiased M for |μ|², T for Tr Σ and
s = E g_t·g_{t+1}, which is |μ|² − η(μᵀHμ + Tr HΣ) + … and not |μ|²,

    E ΔL ≈ −η (M + s)/2,   C* = (M − s)/(2T),   C > C* ⟺ M + s > 0.

Of steps that are linear in their gradients, which move θ by −Ā g each in the long run, C* = C + E ΔL/(Ā T).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate
from sdesim.estimators.core.draws import check_level
from sdesim.estimators.dynamics.recent import Series, block_sizes, recent_ratios

Array = NDArray[np.float64]
# Fewer blocks give no interval that is worth one.
BLOCKS = 8
METHOD = "successive-steps"


@dataclass(frozen=True)
class Successive:
    """What successive steps of a window tell of the newest.

    Attributes:
        drift: E ΔL/η, per unit of time; negative where the loss falls. Its detail `half_width` is that of the
            interval, and `pairs_needed` how many pairs as these would tell its sign, were it what it is here.
        c_star: the critical ratio; None of steps without an Ā.
        phase: "generalization" where the loss falls (C > C*), "exploration" where it rises, or "transition".
    """

    drift: Estimate
    c_star: Estimate | None
    phase: str


def successive_steps(
    signal: ArrayLike, noise: ArrayLike, before: ArrayLike, after: ArrayLike, rate: ArrayLike,
    gain: ArrayLike = math.nan, block: int = 1, level: float = 0.95,
) -> Successive:  # fmt: skip
    """Drift, C* and phase of any optimizer from a window of steps (n,), in order; each may be one number.

    Args:
        signal: M_t, unbiased for |μ|² at the start of each step; noise: T_t for Tr Σ of its batch.
        before, after: unbiased for u_t·∇L at its start and at its end.
        rate: η_t of each step, above 0. gain: Ā_t, NaN where the step has none.
        block: consecutive steps that are averaged first; longer than they are correlated.

    Returns:
        Estimates at the newest step, while all of it may move (`recent_ratio`); of steps with an Ā at the
        newest rate, as C* goes as the rate. Below 8 blocks there is no interval and no phase but
        "transition". Flag `rate_varies` where rates differ.

    Raises:
        EstimatorError: arrays of different shape, none, a rate that is not above 0, a block below 1, a level
            outside (0, 1).
    """
    return successive_windows([Steps(signal, noise, before, after, rate, gain, block)], level)[0]


@dataclass(frozen=True, eq=False)
class Steps:
    """Arguments of `successive_steps`."""

    signal: ArrayLike
    noise: ArrayLike
    before: ArrayLike
    after: ArrayLike
    rate: ArrayLike
    gain: ArrayLike = math.nan
    block: int = 1


def successive_windows(windows: Sequence[Steps], level: float = 0.95) -> list[Successive]:
    """`successive_steps` of many windows at once, each by itself.

    Raises:
        EstimatorError: as there.
    """
    check_level(level)
    each = [_series(window) for window in windows]
    drifts = recent_ratios([one.drift for one in each], level, METHOD)
    held = [one.star for one in each if one.star is not None]
    stars = iter(recent_ratios(held, level, METHOD))
    return [
        _found(drift, None if one.star is None else next(stars), one)
        for drift, one in zip(drifts, each, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class _Prepared:
    """What is smoothed of a window; whether its rates differ, and whether its blocks are too few."""

    drift: Series
    star: Series | None
    moved: bool
    few: bool


def _series(window: Steps) -> _Prepared:
    block = window.block
    names = ("signal", "noise", "before", "after", "rate", "gain")
    given = [np.asarray(getattr(window, name), dtype=np.float64) for name in names]
    try:
        m, t, u, v, eta, a = np.broadcast_arrays(*(np.atleast_1d(x) for x in given))
    except ValueError:
        shapes = " and ".join(str(x.shape) for x in given)
        raise EstimatorError(f"all of a step must be (n,) each, got {shapes}") from None
    if m.ndim != 1 or block < 1 or len(m) < block:
        raise EstimatorError(f"at least a block of {max(block, 1)} steps (n,) is needed, got {m.shape}")
    if not (eta > 0).all():
        raise EstimatorError(f"rates must be above 0, got {eta.min()}")
    change, star, unit = 0.5 * (u + v), None, t
    if np.isfinite(a).all() and (a > 0).all():
        # |μ|² less the descent per Ā, which is what C* T is, goes as the rate.
        bend = (m + change / a) * (eta[-1] / eta)
        change = (bend - m) * a[-1] * (eta / eta[-1])
        # What was read at a small rate has large errors at a large one.
        unit = t * np.maximum(1.0, eta[-1] / eta)
        star = Series(bend, t, unit, block)
    few = len(block_sizes(len(m), block)) < BLOCKS
    return _Prepared(
        Series(change / eta, np.ones(len(m)), unit, block), star, bool((eta != eta[-1]).any()), few
    )


def _found(drift: Estimate, star: Estimate | None, one: _Prepared) -> Successive:
    flags = ("rate_varies",) if one.moved else ()
    drift = _told(drift, one.few, flags)
    known = math.isfinite(drift.low)
    falls, rises = known and drift.high < 0, known and drift.low > 0
    phase = "generalization" if falls else "exploration" if rises else "transition"
    half, value = drift.details["half_width"], drift.value
    needed = drift.details["readings"] * (half / value) ** 2 if value else math.inf
    details = {"half_width": half, "readings": drift.details["readings"], "pairs_needed": needed}
    return Successive(
        replace(drift, details=details), None if star is None else _told(star, one.few, flags), phase
    )


def _told(e: Estimate, few: bool, flags: tuple[str, ...]) -> Estimate:
    """With these flags, and without an interval that rests on few blocks."""
    if not few:
        return replace(e, flags=(*e.flags, *flags))
    own = tuple(flag for flag in e.flags if flag != "no_interval")
    details = {**e.details, "half_width": math.nan}
    return replace(e, low=math.nan, high=math.nan, flags=(*own, *flags, "no_interval"), details=details)
