"""Times until something happens, of which some are only known to be longer than they were watched.

The mean of such times, with the end of the watch put for those that had not ended, is too small by any amount
(46 for 133 in one example). What can be said without a law of the times is the share that lasts beyond t, up
to the end of the watch (Kaplan & Meier), and the median where that share falls to a half. The mean depends on
what comes after the watch: it is given where none was cut short, or where the hazard looks constant.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri, kolmogorov, ndtr, ndtri, stdtrit

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate
from sdesim.estimators.core.binomial import wilson
from sdesim.estimators.core.draws import check_level
from sdesim.io.html import html_table
from sdesim.kinds.numbers import one_of
from sdesim.support import POSITIVE

Array = NDArray[np.float64]
# Fewer ends than this tell nothing of whether the hazard is constant.
LEAST_ENDS = 10
# Chance of calling a constant hazard changing, of the two tests together.
_ALARM = 0.01
_HALF = 0.5 + 1e-12


@dataclass(frozen=True, eq=False)
class Survival:
    """The share S(t) that lasts beyond t: a step function, constant from each time to the next.

    Attributes:
        times: 0, each time at which something ended, and the end of the watch (m,).
        share: S at and after each time (m,).
        low, high: its band at `level`, time by time (m,).
        level: nominal coverage at one time.
    """

    times: Array
    share: Array
    low: Array
    high: Array
    level: float

    def __repr__(self) -> str:
        span = f"[{self.low[-1]:.3g}, {self.high[-1]:.3g}]"
        return f"<Survival: {self.share[-1]:.3g} {span} beyond {self.times[-1]:.4g}>"

    def at(self, t: ArrayLike) -> Array:
        """S(t), NaN beyond the end of the watch: (…) → (…)."""
        points = np.asarray(t, dtype=np.float64)
        known = self.share[np.clip(np.searchsorted(self.times, points, side="right") - 1, 0, None)]
        return np.where((points < 0) | (points > self.times[-1]), np.nan, known)


@dataclass(frozen=True, eq=False)
class SurvivalStatistics:
    """What times of which some were cut short tell.

    Attributes:
        mean, median: in units of the times. rate: ends per unit of time.
        survival: the share that lasts beyond t.
    """

    mean: Estimate
    median: Estimate
    rate: Estimate
    survival: Survival

    def __repr__(self) -> str:
        return f"<SurvivalStatistics: {self}>"

    def _repr_html_(self) -> str:
        rows = [(n, str(getattr(self, n)), getattr(self, n).method) for n in ("mean", "median", "rate")]
        return html_table(("", "value and interval", "method"), rows, "Times that may be cut short")

    def __str__(self) -> str:
        return f"mean {self.mean}, median {self.median}, rate {self.rate}"


def survival_statistics(
    times: ArrayLike, ended: ArrayLike, level: float = 0.95, band: str = "log-log"
) -> SurvivalStatistics:
    """Mean, median, rate and survival of times that may be cut short ("censored").

    - survival: S(t) = ∏_{tⱼ ≤ t} (1 − dⱼ/nⱼ), dⱼ ends among the nⱼ still watched at tⱼ; the band is
      S^{exp(±z s/log S)}, s² = Σ dⱼ/(nⱼ(nⱼ − dⱼ)). Where S is 1 it is the exact binomial one; where S is 0 it
      keeps the upper end of the time before. Band "wilson": Wilson's interval of a share S of (1 − S)/(S s²)
      trials, which are all n where none was cut short before, and of all n where S is 1 or 0; it is not empty
      at either end and is what figures show.
    - median: where S falls to ½, with the times at which the band does.
    - rate: ends / total time watched, with the exact interval of a Poisson count. Where the hazard is not
      constant (flag `hazard_not_constant`) it is an average over the time watched only.
    - mean: that of the times where none was cut short, with Student's interval. Otherwise 1/rate where the
      hazard looks constant (flag `constant_hazard`: it is assumed to stay so after the watch), else NaN, with
      the interval from the restricted mean to ∞. The restricted mean ∫₀^τ S dt over the watch τ is no mean:
      it stands in ``details``.

    The hazard looks constant where the ends are spread evenly over the time watched: Kolmogorov's test and
    Laplace's test for a trend, at 1% together, of the total time on test at each end. With fewer than 10 ends
    nothing is said of it (flag `too_few_ends`), and there is no mean.

    Args:
        times: how long each was watched (n,), not negative.
        ended: whether it had ended then (n,); the others were cut short, for reasons that have nothing to do
            with when they would have ended.
        level: of all intervals.
        band: "log-log" or "wilson", of the survival; the median's interval is where that band falls to ½.

    Returns:
        `SurvivalStatistics`; flag `censored` where any was cut short, `median_not_reached` where S stays
        above ½: then the median is NaN and its interval reaches to ∞; `no_spread` of the mean where all times
        are the same, as those of trajectories that start outside are: its interval is then a point.

    Raises:
        EstimatorError: shapes that don't fit, no times, times that are negative or not finite, or an unknown
            band.

    Source: E. Kaplan & P. Meier, J. Am. Stat. Assoc. 53 (1958); M. Greenwood (1926) and J. Kalbfleisch & R.
    Prentice, The Statistical Analysis of Failure Time Data (2002), §1.4 (log–log band); R. Brookmeyer & J.
    Crowley, Biometrics 38 (1982) (median); F. Garwood, Biometrika 28 (1936) (rate); R. Barlow & R. Campo,
    Total time on test processes (1975).
    """
    check_level(level)
    if not np.isin(ended, (0, 1)).all():
        raise EstimatorError("ended must be true or false for each time")
    t, left = np.asarray(times, dtype=np.float64), np.asarray(ended, dtype=np.bool_)
    if t.ndim != 1 or t.shape != left.shape or not t.size:
        raise EstimatorError(f"times and ended must both be (n,), n ≥ 1, got {t.shape} and {left.shape}")
    if not (np.isfinite(t).all() and (t >= 0).all()):
        raise EstimatorError("times must be finite and not negative")
    one_of(band, ("log-log", "wilson"), "band", EstimatorError)
    at, ends, watched = _table(t, left)
    curve, variance = _survival(t, at, ends, watched, level)
    if band == "wilson":
        curve = _by_wilson(curve, at, variance, len(t))
    flags = () if left.all() else ("censored",)
    constant = _hazard(t, left, at, ends)
    rate = _rate(t, left, level, (*flags, *(f for f in constant if f != "constant_hazard")))
    mean = _mean(t, left, at, variance, curve, rate, flags, constant)
    return SurvivalStatistics(mean, _median(curve, len(t), flags), rate, curve)


def _table(t: Array, left: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
    """Times of the ends (m,), how many ended there, and how many were watched until then."""
    at, ends = np.unique(t[left], return_counts=True)
    watched = len(t) - np.searchsorted(np.sort(t), at, side="left")
    return at, ends.astype(np.float64), watched.astype(np.float64)


def _survival(t: Array, at: Array, ends: Array, watched: Array, level: float) -> tuple[Survival, Array]:
    """S with its band, and dⱼ/(nⱼ(nⱼ − dⱼ)) at each end (0 at the last of all)."""
    z = float(ndtri(0.5 + level / 2))
    share = np.cumprod(1.0 - ends / watched)
    rest = watched - ends
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(rest > 0, ends / (watched * rest), 0.0)
        width = z * np.sqrt(np.cumsum(terms)) / np.log(share)
        low, high = share ** np.exp(-width), share ** np.exp(width)
    certain = (0.5 - level / 2) ** (1.0 / len(t))
    # From here on there are n still watched without an end: the exact binomial interval.
    times, share = np.concatenate([[0.0], at]), np.concatenate([[1.0], share])
    low, high = np.concatenate([[certain], low]), np.concatenate([[1.0], high])
    if share[-1] == 0.0:
        low[-1], high[-1] = 0.0, high[-2]
    if len(at) and at[0] == 0.0:
        times, share, low, high = times[1:], share[1:], low[1:], high[1:]
    end = float(t.max())
    if end > times[-1]:
        times, share, low, high = (
            np.append(a, last)
            for a, last in ((times, end), (share, share[-1]), (low, low[-1]), (high, high[-1]))
        )
    return Survival(times, np.asarray(share), low, high, level), terms


def _by_wilson(curve: Survival, at: Array, terms: Array, n: int) -> Survival:
    """The same curve with Wilson's band."""
    squared = np.concatenate([[0.0], np.cumsum(terms)])[np.searchsorted(at, curve.times, side="right")]
    sure = (curve.share >= 1.0) | (curve.share <= 0.0) | (squared <= 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        trials = np.where(sure, float(n), (1.0 - curve.share) / (curve.share * squared))
    low, high = wilson(curve.share, trials, curve.level)
    return replace(curve, low=low, high=high)


def _median(curve: Survival, n: int, flags: tuple[str, ...]) -> Estimate:
    low, high = _falls(curve.times, curve.low), _falls(curve.times, curve.high)
    value = _falls(curve.times, curve.share)
    if math.isinf(value):
        flags, value = (*flags, "median_not_reached"), math.nan
    else:
        # Where S is ½ over a stretch, every point of it is a median.
        first = int(np.searchsorted(curve.times, value))
        beyond = np.flatnonzero(curve.share < 1.0 - _HALF)
        if abs(curve.share[first] - 0.5) < 1e-12 and beyond.size:
            value = 0.5 * (value + float(curve.times[beyond[0]]))
    low = float(curve.times[-1]) if math.isinf(low) else low
    return Estimate(value, low, high, curve.level, "kaplan-meier", n, flags)


def _falls(times: Array, share: Array) -> float:
    """The first time at which a share is ½ or less; ∞ where it never is."""
    below = np.flatnonzero(share <= _HALF)
    return float(times[below[0]]) if below.size else math.inf


def _hazard(t: Array, left: NDArray[np.bool_], at: Array, ends: Array) -> tuple[str, ...]:
    """A flag on whether the hazard looks constant, by the total time on test at each end."""
    count = int(left.sum())
    if count < LEAST_ENDS:
        return ("too_few_ends",)
    ordered = np.sort(t)
    if not ordered[-1] > 0.0:
        # All at once.
        return ("hazard_not_constant",)
    before = np.searchsorted(ordered, at, side="right")
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    tested = np.repeat(sums[before] + at * (len(t) - before), ends.astype(np.int64)) / sums[-1]
    if left.all():
        # The last end is the end of the watch: it tells nothing.
        tested = tested[:-1]
    n = len(tested)
    steps = np.arange(n + 1) / n
    distance = float(max((steps[1:] - tested).max(), (tested - steps[:-1]).max()))
    # Stephens' correction makes Kolmogorov's law good from n = 5 on.
    chance = float(kolmogorov(distance * (math.sqrt(n) + 0.12 + 0.11 / math.sqrt(n))))
    trend = 2.0 * float(ndtr(-abs(float(tested.mean()) - 0.5) * math.sqrt(12.0 * n)))
    return ("hazard_not_constant",) if min(chance, trend) < _ALARM / 2 else ("constant_hazard",)


def _rate(t: Array, left: NDArray[np.bool_], level: float, flags: tuple[str, ...]) -> Estimate:
    count, total = int(left.sum()), float(t.sum())
    if total <= 0.0:
        return Estimate(
            math.nan, math.nan, math.nan, level, "poisson", len(t), (*flags, "no_value", "no_interval")
        )
    tail = 0.5 - level / 2
    low = 0.5 * float(chdtri(2 * count, 1.0 - tail)) / total if count else 0.0
    high = 0.5 * float(chdtri(2 * count + 2, tail)) / total
    details = {"ends": count, "time": total}
    return Estimate(count / total, low, high, level, "poisson", len(t), flags, details)


def _mean(
    t: Array, left: NDArray[np.bool_], at: Array, terms: Array, curve: Survival, rate: Estimate,
    flags: tuple[str, ...], constant: tuple[str, ...],
) -> Estimate:  # fmt: skip
    n, level = len(t), curve.level
    if left.all():
        if n < 2:
            return Estimate(float(t.mean()), math.nan, math.nan, level, "sample", n, ("no_interval",))
        half = float(stdtrit(n - 1, 0.5 + level / 2)) * float(t.std(ddof=1)) / math.sqrt(n)
        low, high = (float(x) for x in POSITIVE.interval(t.mean(), half))
        alike = ("no_spread",) if t.min() == t.max() else ()
        return Estimate(float(t.mean()), low, high, level, "sample", n, alike)
    until = float(curve.times[-1])
    areas = np.concatenate([np.cumsum((curve.share[:-1] * np.diff(curve.times))[::-1])[::-1], [0.0]])
    restricted = float(areas[0])
    beyond = areas[np.searchsorted(curve.times, at)]
    error = math.sqrt(float(np.sum(beyond**2 * terms)))
    least = max(0.0, restricted - float(ndtri(0.5 + level / 2)) * error)
    details = {"restricted_mean": restricted, "restricted_error": error, "until": until}
    flags = (*flags, *constant)
    if "constant_hazard" not in constant:
        return Estimate(math.nan, least, math.inf, level, "none", n, (*flags, "no_value"), details)
    return Estimate(
        1.0 / rate.value, 1.0 / rate.high, 1.0 / rate.low, level, "constant-hazard", n, flags, details
    )
