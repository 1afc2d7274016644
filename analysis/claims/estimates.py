"""Estimates out of what a study has measured: exact numbers, means, shares, slopes, bootstrap statistics."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtrit

from sdesim.estimators import Estimate
from sdesim.estimators.core.power import PROBABILITY, interval_power
from sdesim.estimators.core.support import mean_estimate
from sdesim.support import ANYTHING, Support

Array = NDArray[np.float64]
# 69 verdicts are drawn from one ledger, so single intervals are wider than usual.
LEVEL = 0.99


def c_one(gradients: ArrayLike) -> float:
    """C of one example drawn from those given, (n, d): |μ|² over the trace of the population covariance."""
    g = np.asarray(gradients, dtype=np.float64)
    mu = g.mean(axis=0)
    return float(mu @ mu / g.var(axis=0).sum())


def correlation(x: ArrayLike, y: ArrayLike, given: ArrayLike | None = None) -> float:
    """Pearson's r of x and y (n,), with `given` (n, k) of what a linear fit to it leaves of them.

    NaN where nothing varies.
    """
    pair = np.column_stack([x, y])
    if given is not None:
        known = np.column_stack([np.ones(len(pair)), given])
        pair = pair - known @ np.linalg.lstsq(known, pair, rcond=None)[0]
    if not (pair.std(axis=0) > 0).all():
        return math.nan
    return float(np.corrcoef(pair[:, 0], pair[:, 1])[0, 1])


def exact(value: float, method: str = "closed form") -> Estimate:
    """A number without chance in it."""
    return Estimate(float(value), float(value), float(value), LEVEL, method, 1)


def mapped(e: Estimate, f: Callable[[float], float], method: str = "") -> Estimate:
    """f of the value and of its interval, f monotone."""
    low, high = sorted((float(f(e.low)), float(f(e.high))))
    return Estimate(float(f(e.value)), low, high, e.level, method or e.method, e.n, e.flags)


def mean(draws: ArrayLike, method: str = "mean over draws", support: Support = ANYTHING) -> Estimate:
    """Mean of independent draws (n,), with Student's interval on the scale of what they can be."""
    return mean_estimate(draws, support, LEVEL, method)


def share(hits: ArrayLike, method: str = "share of draws") -> Estimate:
    """Share of True in independent draws (n,), with Wilson's interval."""
    x = np.asarray(hits, dtype=bool)
    n, k, z = x.size, float(x.mean()), float(ndtri(0.5 + LEVEL / 2))
    centre = (k + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(k * (1 - k) / n + z**2 / (4 * n**2))
    return Estimate(k, centre - half, centre + half, LEVEL, method, n)


def ratio_of_means(top: ArrayLike, bottom: ArrayLike, method: str = "ratio of means") -> Estimate:
    """mean(top)/mean(bottom) of paired independent draws (n,), with the delta method's interval."""
    a, b = np.asarray(top, dtype=np.float64), np.asarray(bottom, dtype=np.float64)
    value = float(a.mean() / b.mean())
    spread = float((a - value * b).std(ddof=1)) / math.sqrt(a.size) / abs(float(b.mean()))
    half = float(stdtrit(a.size - 1, 0.5 + LEVEL / 2)) * spread
    return Estimate(value, value - half, value + half, LEVEL, method, a.size)


def ratio(top: Estimate, bottom: Estimate, method: str = "ratio") -> Estimate:
    """top/bottom of independent positive estimates, the widths of their logarithms added in squares."""
    half = math.hypot(*(math.log(e.high / e.low) / 2 for e in (top, bottom)))
    value, n = top.value / bottom.value, min(top.n, bottom.n)
    return Estimate(value, value * math.exp(-half), value * math.exp(half), top.level, method, n)


def seen(e: Estimate, bound: float, samples: str = "samples") -> str:
    """The power of a test in words: how far from a bound the value had to lie to be told from it."""
    power = interval_power(e.value, e.low, e.high, bound, e.n, e.level, samples=samples)
    text = power.why or f"{power.difference:.2g} would have been seen"
    return f"beside {bound:.4g} {text} with probability {PROBABILITY:g}"


def slope(x: ArrayLike, y: ArrayLike, method: str = "least-squares slope") -> Estimate:
    """Slope of y over x: of one line y (n,), or of independent lines y (r, n), mean over the lines.

    A single line has the interval of least squares with independent errors of equal variance.
    """
    t, values = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    centred = t - t.mean()
    slopes = values @ centred / (centred @ centred)
    if values.ndim == 2:
        return mean(slopes, f"{method}, mean over lines")
    rest = values - values.mean() - slopes * centred
    spread = math.sqrt(float(rest @ rest) / (t.size - 2) / float(centred @ centred))
    half = float(stdtrit(t.size - 2, 0.5 + LEVEL / 2)) * spread
    return Estimate(float(slopes), float(slopes) - half, float(slopes) + half, LEVEL, method, t.size)


def bootstrap(
    statistic: Callable[[Array], float], rows: ArrayLike, rng: np.random.Generator, draws: int = 1000,
    method: str = "bootstrap over rows", level: float = LEVEL,
) -> Estimate:  # fmt: skip
    """statistic(rows) with the percentile interval over resampled rows (n, …); NaN among them is left out."""
    x = np.asarray(rows, dtype=np.float64)
    found = [statistic(x[rng.integers(0, len(x), len(x))]) for _ in range(draws)]
    low, high = np.nanquantile(found, [0.5 - level / 2, 0.5 + level / 2])
    return Estimate(float(statistic(x)), float(low), float(high), level, method, len(x))
