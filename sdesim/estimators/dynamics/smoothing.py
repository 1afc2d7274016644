"""A quantity along a training out of readings that have errors: its smoothed series, sign and sign changes.

The readings are those of a local linear trend (`local_trend`): a level that walks along a slope that walks.
How much both walk, and by what factor the readings' errors are off, is not known: the series is averaged over
a grid of them with the weights that likelihood and prior give, so that the interval holds that uncertainty
too (`trend_average`). Readings come at irregular times; a missing one is bridged, an exact one is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import EstimatorError
from sdesim.estimate import AnyEstimate, ArrayEstimate, Estimate
from sdesim.estimators.core.draws import check_level
from sdesim.estimators.core.samples import require_finite
from sdesim.estimators.dynamics.trend_average import averaged_level, within

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
# Fewer readings don't tell a walk from errors.
LEAST_READINGS = 6
_OUTLIER = 4.5
# Places smoothed at a time, 250 walks each: some 100 MB.
_PLACES = 4000


def smooth(values: ArrayLike, errors: ArrayLike, times: ArrayLike, level: float = 0.95) -> ArrayEstimate:
    """The level behind readings (..., k), at each of their times, given all of them.

    The last place rests on the past alone: of a history as it grows, it is what a filter says.

    Args:
        values: readings; NaN where there is none.
        errors: standard error of each; 0 of an exact one. A reading without a finite error counts as none.
        times: of the readings, (k,) or (..., k), ascending; the walks' variances grow with them.
        level: nominal coverage of the pointwise intervals.

    Returns:
        Value, interval and details `error` (standard deviation) at each place between the first and the last
        reading; method "local-trend", n the number of readings. An exact reading is its own level, with an
        interval of no width. Flags: `too_few_readings` (fewer than 6: none but exact ones are given),
        `no_reading` where one is bridged, `outside_readings` (NaN before the first and after the last),
        `outlier` where a reading lies more than 4.5 of its deviations off what the others say.

    Raises:
        EstimatorError: shapes that don't fit, negative errors, times that fall or are not finite, a level
            outside (0, 1).
    """
    check_level(level)
    y, error, gaps, shape = _checked(values, errors, times)
    seen = np.isfinite(y) & np.isfinite(error)
    y, error = (np.where(seen, x, np.nan) for x in (y, error))
    exact = seen & (error == 0)
    count = seen.sum(axis=1)
    few = (count < LEAST_READINGS)[:, None] & ~exact
    value, low, high, spread = (np.where(exact, y, np.nan) for _ in range(4))
    spread = np.where(exact, 0.0, np.nan)
    residual = np.zeros(y.shape)
    # A series of exact readings alone, or of too few, has nothing to smooth.
    rows = np.flatnonzero((count >= LEAST_READINGS) & ~(exact | ~seen).all(axis=1))
    many = max(1, _PLACES // y.shape[1])
    for some in (rows[k : k + many] for k in range(0, len(rows), many)):
        kept, found = exact[some], averaged_level(y[some], error[some], gaps[some], level)
        for whole, part in zip((value, low, high, spread), found[:4], strict=True):
            whole[some] = np.where(kept, whole[some], part)
        residual[some] = found[4]
    inside = within(seen)
    value, low, high, spread = (np.where(inside, x, np.nan) for x in (value, low, high, spread))
    flags = {
        "too_few_readings": few & inside,
        "no_reading": inside & ~seen,
        "outside_readings": ~inside,
        "outlier": np.abs(residual) > _OUTLIER,
    }
    size = np.broadcast_to(count[:, None], y.shape)
    made = [np.asarray(x).reshape(shape) for x in (value, low, high, spread, size)]
    masks = {name: mask.reshape(shape) for name, mask in flags.items()}
    names = np.full(shape, "local-trend")
    return Estimate(made[0], made[1], made[2], level, names, made[4], masks, {"error": made[3]})


def smoothed_ratio(
    numerator: ArrayLike, numerator_errors: ArrayLike, denominator: ArrayLike, denominator_errors: ArrayLike,
    times: ArrayLike, level: float = 0.95,
) -> ArrayEstimate:  # fmt: skip
    """Ratio of two quantities along a training, such as C = |μ|²/Tr Σ, smoothed apart.

    The denominator y > 0 is smoothed on the logarithmic scale, on which one that falls through decades has
    errors of one size; then the readings of the numerator, in units of that. What is left of y's error enters
    by Fieller's interval: with x ± a of the second and 1 ± b of the first, the ρ with (x − ρ)² ≤ a² + ρ²b², a
    on the side of ρ.
    Both errors count as independent, as those of |ḡ|² and Tr Σ̂ of Gaussian draws are.

    Args:
        numerator, denominator: readings (..., k), NaN where there is none; a denominator that is not positive
            counts as none. numerator_errors, denominator_errors: their standard errors. times: as in
            `smooth`.

    Returns:
        As `smooth`; details `error` left out. NaN, flag `denominator_not_separated`, where b is not below 1.

    Raises:
        EstimatorError: as `smooth`.
    """
    x, y, e, f = _together(numerator, denominator, numerator_errors, denominator_errors)
    with np.errstate(divide="ignore", invalid="ignore"):
        known = np.isfinite(x) & np.isfinite(y) & (y > 0)
        relative = np.where(known, f / y, np.nan)
        # E log of an estimate lies below the logarithm by half its squared relative error.
        under = smooth(np.where(known, np.log(y) + 0.5 * relative**2, np.nan), relative, times, level)
        unit = np.exp(under.value)
        over = smooth(x / unit, np.where(known, e / unit, np.nan), times, level)
        b = np.sinh(0.5 * (under.high - under.low))
        unsure, lead = ~(b < 1) & np.isfinite(b), 1 - b**2
        below, above = (
            np.sqrt(np.maximum(a**2 * lead + b**2 * over.value**2, 0.0))
            for a in (over.value - over.low, over.high - over.value)
        )
        ends = (over.value, (over.value - below) / lead, (over.value + above) / lead)
    value, low, high = (np.where(unsure, np.nan, z) for z in ends)
    flags = {**_joined(over.flags, under.flags), "denominator_not_separated": unsure}
    return Estimate(value, low, high, level, over.method, over.n, flags)


def smoothed_difference(left: ArrayEstimate, right: ArrayEstimate) -> ArrayEstimate:
    """left − right of two smoothed series (..., k) with independent errors: half-widths add in squares.

    Raises:
        EstimatorError: shapes or levels that differ.
    """
    if left.shape != right.shape or left.level != right.level:
        raise EstimatorError(
            f"both series must agree, got shapes {left.shape} and {right.shape}, "
            f"levels {left.level} and {right.level}"
        )
    value = left.value - right.value
    low = value - np.hypot(left.value - left.low, right.high - right.value)
    high = value + np.hypot(left.high - left.value, right.value - right.low)
    n = np.minimum(left.n, right.n)
    return Estimate(value, low, high, left.level, left.method, n, _joined(left.flags, right.flags))


def smoothed_phase(
    statistic: AnyEstimate, undefined: Mapping[str, Mask] | None = None
) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """Phase as the sign of a linear statistic: C − C*, M + s, or a measured decrease of the loss.

    Args:
        statistic: a smoothed series (..., k), above 0 where a step lowers the loss on average.
        undefined: why there is no phase, by reason, masks (..., k); the first that holds is named.

    Returns:
        "generalization" where the whole interval lies above 0, "exploration" where below, "transition" where
        it spans 0, else "undefined"; and the reason of the latter two: "spans_zero", one given, one of the
        statistic's flags that leave no value, or "no_value". "" where the phase is decided.
    """
    value, low, high = (
        np.asarray(x, dtype=np.float64) for x in (statistic.value, statistic.low, statistic.high)
    )
    words = np.where(low > 0, "generalization", np.where(high < 0, "exploration", "transition"))
    reasons = np.where((low > 0) | (high < 0), "", "spans_zero").astype("<U32")
    missing = np.isnan(value) | np.isnan(low) | np.isnan(high)
    why = np.where(missing, "no_value", "").astype("<U32")
    flags: Mapping[str, Mask] = statistic.flags if isinstance(statistic.flags, Mapping) else {}
    for name, mask in reversed(list(flags.items())):
        why = np.where(missing & mask, name, why)
    for name, mask in reversed(list((undefined or {}).items())):
        why = np.where(mask, name, why)
    none = why != ""
    return np.where(none, "undefined", words), np.where(none, why, reasons)


def change_points(statistic: ArrayEstimate, times: ArrayLike) -> tuple[Estimate, ...]:
    """Times at which a smoothed series (k,) changes its sign with confidence.

    A change lies between two places whose intervals exclude 0 on different sides, with none that does
    between them. [low, high] are these two places' times: outside, the interval of the level excludes 0, so
    that a single crossing is missed no more often than at one minus the series' level.

    Args:
        statistic: of `smooth`, `smoothed_ratio` or `smoothed_difference`. times: (k,), ascending.

    Returns:
        In order; the value is where the smoothed level, on straight lines between its places, is 0 (the
        middle such place, if there are several). Details `direction`: 1.0 upward, −1.0 downward.

    Raises:
        EstimatorError: not one series, times of another shape or not finite.
    """
    t = np.asarray(times, dtype=np.float64)
    if len(statistic.shape) != 1 or t.shape != statistic.shape:
        raise EstimatorError(
            f"statistic and times must both be (k,), got shapes {statistic.shape} and {t.shape}"
        )
    require_finite(times=t)
    sides = np.where(statistic.low > 0, 1, np.where(statistic.high < 0, -1, 0))
    sure = np.flatnonzero(sides)
    found = []
    for before, after in pairwise(sure):
        if sides[before] == sides[after]:
            continue
        place = _zero(statistic.value[before : after + 1], t[before : after + 1])
        found.append(Estimate(place, float(t[before]), float(t[after]), statistic.level, "smoothed-crossing",
                              int(statistic.n[after]), (), {"direction": float(sides[after])}))  # fmt: skip
    return tuple(found)


def _zero(values: Array, times: Array) -> float:
    """Where straight lines through the finite values cross 0; the ends have different signs."""
    known = np.isfinite(values)
    x, t = values[known], times[known]
    above = x > 0
    turns = np.flatnonzero(above[1:] != above[:-1])
    k = turns[len(turns) // 2]
    share = x[k] / (x[k] - x[k + 1])
    return float(t[k] + share * (t[k + 1] - t[k]))


def _together(*arrays: ArrayLike) -> list[Array]:
    """Arrays of one shape.

    Raises:
        EstimatorError: shapes that don't fit.
    """
    made = [np.asarray(x, dtype=np.float64) for x in arrays]
    try:
        return [np.asarray(x) for x in np.broadcast_arrays(*made)]
    except ValueError:
        shapes = " and ".join(str(x.shape) for x in made)
        raise EstimatorError(f"readings and errors must have one shape, got {shapes}") from None


def _joined(*flags: Mapping[str, Mask]) -> dict[str, Mask]:
    joined: dict[str, Mask] = {}
    for masks in flags:
        for name, mask in masks.items():
            joined[name] = joined[name] | mask if name in joined else mask
    return joined


def _checked(
    values: ArrayLike, errors: ArrayLike, times: ArrayLike
) -> tuple[Array, Array, Array, tuple[int, ...]]:
    """Readings and errors (N, k), gaps (N, k − 1) with a mean of 1, and the shape of the readings."""
    y = np.asarray(values, dtype=np.float64)
    if y.ndim < 1 or not y.shape[-1]:
        raise EstimatorError(f"values must be (..., k) with k of at least 1, got shape {y.shape}")
    given = {}
    for name, array in (("errors", errors), ("times", times)):
        try:
            given[name] = np.broadcast_to(np.asarray(array, dtype=np.float64), y.shape).reshape(
                -1, y.shape[-1]
            )
        except ValueError:
            raise EstimatorError(
                f"{name} must have the readings' shape {y.shape}, got {np.shape(array)}"
            ) from None
    error, t = given["errors"], given["times"]
    if (error < 0).any():
        raise EstimatorError("errors must not be negative")
    gaps = np.diff(t, axis=1)
    if not np.isfinite(t).all() or (gaps < 0).any():
        raise EstimatorError("times must be finite and ascending")
    mean = gaps.mean(axis=1, keepdims=True) if gaps.shape[1] else np.ones((len(t), 1))
    # Nothing moves in no time; a little is left, for the filter divides by it.
    gaps = np.maximum(gaps / np.where(mean > 0, mean, 1.0), 1e-6)
    return y.reshape(-1, y.shape[-1]), error, gaps, y.shape
