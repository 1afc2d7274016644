"""Means over seeds, paired differences, rank correlations and power laws, each with an interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from sdesim.estimators.core.support import mean_interval
from sdesim.support import ANYTHING, Support

Array = NDArray[np.float64]
Interval = dict[str, Any]
_RESAMPLES = 2000


def mean(values: ArrayLike, level: float = 0.95, support: Support = ANYTHING) -> Interval:
    """Mean over seeds with Student's interval on the scale of what they can be; seeds without a value are
    left out and counted."""
    x = np.asarray(values, dtype=np.float64)
    kept = x[np.isfinite(x)]
    if not len(kept):
        return {"value": math.nan, "low": math.nan, "high": math.nan, "n": 0, "of": len(x)}
    value, low, high = (float(part) for part in mean_interval(kept, support, level))
    return {"value": value, "low": low, "high": high, "n": len(kept), "of": len(x)}


def geometric(values: ArrayLike) -> Interval:
    """Geometric mean of the positive values, with the interval of the mean logarithm."""
    x = np.asarray(values, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = mean(np.where(x > 0, np.log(x), np.nan))
    return {k: math.exp(v) if k in ("value", "low", "high") else v for k, v in found.items()}


def bootstrap(rows: int, statistic: Callable[[NDArray[np.int64]], float], seed: int = 0) -> Interval:
    """A statistic of chosen rows (seeds), with the percentile interval of resampled rows."""
    rng = np.random.default_rng([seed, 7])
    drawn = np.array([statistic(rng.integers(0, rows, rows)) for _ in range(_RESAMPLES)])
    drawn = drawn[np.isfinite(drawn)]
    low, high = np.quantile(drawn, (0.025, 0.975)) if len(drawn) else (math.nan, math.nan)
    return {
        "value": statistic(np.arange(rows)),
        "low": float(low),
        "high": float(high),
        "n": rows,
        "of": rows,
    }


def rank_correlation(a: ArrayLike, b: ArrayLike) -> float:
    """Spearman's coefficient of two (n,); NaN where one of them is constant."""
    x, y = (rankdata(np.asarray(v, dtype=np.float64)) for v in (a, b))
    if x.std() == 0 or y.std() == 0:
        return math.nan
    return float(np.corrcoef(x, y)[0, 1])


def partial_rank_correlation(a: ArrayLike, b: ArrayLike, given: ArrayLike) -> float:
    """Spearman's coefficient of a and b once the ranks of a third (n,) are regressed out of both."""
    x, y, z = rank_correlation(a, b), rank_correlation(a, given), rank_correlation(b, given)
    left = (1 - y**2) * (1 - z**2)
    return (x - y * z) / math.sqrt(left) if left > 1e-12 else math.nan


def power_law(x: Sequence[float], y: Array) -> Interval:
    """Exponent b of y ∝ x^b by least squares of the logarithms; y (seeds, len(x)), resampled by seeds.

    `residual` is the root mean square of log10 y about the line through the seeds' mean.
    """
    log_x = np.log(np.asarray(x, dtype=np.float64))
    with np.errstate(invalid="ignore", divide="ignore"):
        log_y = np.where(y > 0, np.log(y), np.nan)

    def slope(rows: NDArray[np.int64]) -> float:
        middle = _column_means(log_y[rows])
        kept = np.isfinite(middle)
        return float(np.polyfit(log_x[kept], middle[kept], 1)[0]) if kept.sum() > 1 else math.nan

    found = bootstrap(len(y), slope)
    middle = _column_means(log_y)
    kept = np.isfinite(middle)
    fit = np.polyval(np.polyfit(log_x[kept], middle[kept], 1), log_x[kept])
    return {**found, "residual": float(np.sqrt(((middle[kept] - fit) ** 2).mean()) / math.log(10))}


def _column_means(x: Array) -> Array:
    """Mean of the finite entries of each column, NaN where there is none."""
    known = np.isfinite(x)
    counts = np.where(known.any(axis=0), known.sum(axis=0), np.nan)
    means: Array = np.where(known, x, 0.0).sum(axis=0) / counts
    return means


def text(found: Interval, digits: int = 3) -> str:
    """ "0.51 [0.48, 0.55]"."""
    value, low, high = (f"{found[k]:.{digits}g}" for k in ("value", "low", "high"))
    return f"{value} [{low}, {high}]" if math.isfinite(found["low"]) else value
