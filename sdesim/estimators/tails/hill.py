"""Hill's estimator on ordered values, with a number of order statistics that the data choose."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_LEAST_K = 10
_LEAST_CHOSEN = 25
_CANDIDATES = 30
# √k times the Kolmogorov–Smirnov distance of k values from a Pareto law with fitted index: its median, 0.73,
# is passed by half of all true Pareto tails.
_ACCEPTED = 0.8


def hill_curve(ordered: Array, ks: NDArray[np.int64]) -> Array:
    """k/Σ log(x_(i)/x_(k+1)), i ≤ k, of values in descending order, for every k; NaN from the first 0 on."""
    positive = ordered[ks] > 0
    logs = np.log(np.maximum(ordered[: int(ks.max()) + 1], np.finfo(float).tiny))
    mean = np.cumsum(logs)[ks - 1] / ks - logs[ks]
    return np.asarray(np.where(positive & (mean > 0), 1 / np.where(mean > 0, mean, 1.0), np.nan))


def chosen_k(ordered: Array) -> int:
    """A quarter of the largest k whose tail still looks like a Pareto law.

    Looks like: the Kolmogorov–Smirnov distance that Clauset, Shalizi & Newman (SIAM Rev. 51, 2009) minimise
    is at most 0.8/√k. Where the test just fails to see a deviation the bias is about one standard error, so
    the interval would miss; at a quarter of that k it is a fraction of one. In simulation this has a smaller
    error than the minimum of the distance, than Lepski's rule and than n^0.6 (see `tail_index`).
    """
    n = len(ordered)
    ks = np.unique(np.geomspace(_LEAST_K, max(_LEAST_K, n // 4), _CANDIDATES).round().astype(np.int64))
    ks = ks[ks < n]
    alphas = hill_curve(ordered, ks)
    largest = 0
    for k, alpha in zip(ks[::-1], alphas[::-1], strict=True):
        if not math.isfinite(alpha):
            continue
        above = (ordered[:k] / ordered[k]) ** -alpha
        ranks = np.arange(k)
        distance = max(float(np.max(above - ranks / k)), float(np.max((ranks + 1) / k - above)))
        if distance * math.sqrt(k) <= _ACCEPTED:
            largest = int(k)
            break
    return max(min(_LEAST_CHOSEN, n // 4), largest // 4)


def row_spread(values: Array, threshold: float, gamma: float, k: int) -> float:
    """Standard error of γ = 1/α from the rows of |values| (n, d), whose columns may depend on each other."""
    above = np.where(values > threshold, np.log(np.maximum(values, threshold) / threshold) - gamma, 0.0)
    return math.sqrt(float((above.sum(axis=1) ** 2).sum())) / k
