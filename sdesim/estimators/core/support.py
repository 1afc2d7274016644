"""Intervals that stay within the support of their quantity: what it can be at all.

The interval of a mean over n values is Student's, by the delta method on the scale on which the support has
no ends: with e = t s/√n, t the quantile of n − 1 degrees of freedom, the mean m of values in

    (−∞, ∞):  m ± e
    (a, ∞):   a + (m − a) exp(± e/(m − a))                    (log)
    (a, b):   u/(u + (1 − u) exp(∓ e/((b − a) u (1 − u)))), u = (m − a)/(b − a)    (logit, put back on (a, b))

so that it is an interval of the mean itself, not of a geometric one. Values that all sit on one end show no
spread: the interval is that point. Values beyond the support show that it is none here (the potential of a
surface may lie below 0): then m ± e. Debiased values, which chance may carry beyond the support of what they
estimate, are not transformed: m ± e, cut off at the ends. Their mean stays as measured below the support,
where it says that there is less than chance makes (`negative_signal`), and is the upper end above it, as that
of the fitted tail indices of normal noise may be.

Source: delta method and logit scale, A. Agresti, Categorical Data Analysis (2013), §3.1; coverage in
``analysis/support``.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, stdtrit

from sdesim.errors import EstimatorError
from sdesim.estimate import AnyEstimate, Estimate
from sdesim.kinds.numbers import level_of
from sdesim.support import ANYTHING, Support

Array = NDArray[np.float64]


def mean_interval(
    values: ArrayLike, support: Support = ANYTHING, level: float = 0.95
) -> tuple[Array, Array, Array]:
    """Mean of values (n, ...) over the first axis and the ends of its interval, each (...,).

    Args:
        values: independent draws; NaN stays NaN.
        support: what the quantity can be.
        level: nominal coverage; measured in ``analysis/support``.

    Returns:
        mean, low, high; NaN ends where n = 1.

    Raises:
        EstimatorError: no values, or a level outside (0, 1).
    """
    x = np.asarray(values, dtype=np.float64)
    level = level_of(level, error=EstimatorError)
    if x.ndim < 1 or not len(x):
        raise EstimatorError("a mean needs at least one value")
    n = len(x)
    mean = np.asarray(x.mean(axis=0))
    if n == 1:
        nothing = np.full(mean.shape, np.nan)
        return np.minimum(mean, support.high if support.debiased else np.inf), nothing, nothing.copy()
    # Values about to blow up may be too large to be squared; equal ones may seem to differ by rounding.
    with np.errstate(over="ignore", invalid="ignore"):
        spread = np.where((x == x[:1]).all(axis=0), 0.0, x.std(axis=0, ddof=1))
        half = float(stdtrit(n - 1, 0.5 + level / 2)) * spread / math.sqrt(n)
    # A mean may be rounded past an end on which almost all values sit.
    inside = support if support.debiased or support.holds(x) else ANYTHING
    if not inside.debiased:
        mean = np.clip(mean, inside.low, inside.high)
    low, high = inside.interval(mean, half)
    return np.minimum(mean, inside.high), low, high


def median_interval(values: ArrayLike, level: float = 0.95) -> tuple[Array, Array, Array]:
    """Median of values (n, ...) over the first axis and the ends of its interval, each (...,).

    The ends are the k-th smallest and the k-th largest value, k the largest number with
    P(fewer than k of n lie below the median) ≤ (1 − level)/2 by the binomial law: it holds for any continuous
    law, without a mean too. NaN ends where there is none, n < 6 at 95%.

    Raises:
        EstimatorError: no values, or a level outside (0, 1).

    Source: H. David & H. Nagaraja, Order Statistics (2003), §7.1.
    """
    x = np.sort(np.asarray(values, dtype=np.float64), axis=0)
    level = level_of(level, error=EstimatorError)
    if x.ndim < 1 or not len(x):
        raise EstimatorError("a median needs at least one value")
    n = len(x)
    # bdtr is the binomial distribution function.
    k = int((bdtr(np.arange(n), n, 0.5) <= (1 - level) / 2).sum())
    median = np.asarray(np.median(x, axis=0))
    if k == 0:
        nothing = np.full(median.shape, np.nan)
        return median, nothing, nothing.copy()
    return median, np.asarray(x[k - 1]), np.asarray(x[n - k])


def within(estimate: AnyEstimate, support: Support) -> AnyEstimate:
    """The same estimate with the ends of its interval cut off at those of the support."""
    low, high = support.cut(estimate.low, estimate.high)
    if estimate.is_array:
        return replace(estimate, low=low, high=high)
    return replace(estimate, low=float(low), high=float(high))


def mean_estimate(
    values: ArrayLike, support: Support = ANYTHING, level: float = 0.95, method: str = "mean",
    flags: tuple[str, ...] = (),
) -> Estimate:  # fmt: skip
    """`mean_interval` of values (n,) as an Estimate; flag `no_interval` of a single value.

    Raises:
        EstimatorError: as `mean_interval`.
    """
    mean, low, high = (float(x) for x in mean_interval(values, support, level))
    more = ("no_interval",) if math.isnan(low) else ()
    return Estimate(mean, low, high, level, method, len(np.asarray(values)), (*flags, *more))
