"""θ, covariance and intervals of a prepared sample by each of the methods, in S0."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from sdesim.stable.fitting.characteristic_fit import characteristic_fit
from sdesim.stable.fitting.checks import Sample
from sdesim.stable.fitting.compression import Compressed
from sdesim.stable.fitting.goodness import Law
from sdesim.stable.fitting.intervals import covariance, near_end, profile_interval
from sdesim.stable.fitting.likelihood import (
    ALPHA,
    BETA,
    HIGH,
    LOW,
    Likelihood,
    Maximum,
    maximise,
)
from sdesim.stable.fitting.quantile_fit import PROBABILITIES, quantile_covariance, quantile_fit

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Share of a standard error by which compression may move an estimate, and of 1 the log-likelihood.
_MOVED, _LIKELIHOOD_ERROR = 0.01, 0.01
_REFINEMENTS = 8
_GUESS = 0.5


@dataclass(frozen=True)
class Found:
    """A fit in S0, in the units of the standardised sample.

    Attributes:
        theta: (α, β, log σ, δ).
        covariance: (4, 4), NaN where a parameter lies at an end.
        low, high: ends of the intervals (4,).
        free: (4,) which lie at no end.
        compressed: the sample by weighted points. values: ℓ at them.
        flags: of all four.
    """

    theta: Array
    covariance: Array
    low: Array
    high: Array
    free: Mask
    compressed: Compressed
    values: Array
    flags: tuple[str, ...]

    @property
    def log_likelihood(self) -> float:
        """Of the standardised sample."""
        return float(self.compressed.weights @ self.values)


def quantile_start(sample: Sample, law: Law) -> Array:
    """θ from five quantiles."""
    return quantile_fit(np.quantile(sample.ordered, PROBABILITIES), law.quantile)


def by_likelihood(law: Law, compressed: Compressed, start: Array, level: float | None) -> Found:
    """Maximum likelihood, with intervals of α and β by profiles where one of them is near an end.

    Args:
        level: of the intervals; None for none, which takes most of the time.
    """
    at, compressed = _refined_maximum(law, compressed, start)
    likelihood = Likelihood(compressed.points, compressed.weights, law.density)
    flags = [] if at.converged else ["not_converged"]
    theta = at.theta.copy()
    spread = np.full((4, 4), np.nan)
    low, high = np.full(4, np.nan), np.full(4, np.nan)
    if level is not None:
        spread, regular = covariance(likelihood, at)
        flags += [] if regular else ["irregular_information"]
        z = float(ndtri(0.5 + 0.5 * level))
        low, high = _ends(likelihood, at, spread, z, compressed.t.size)
    if theta[ALPHA] >= HIGH[ALPHA]:
        theta[BETA] = 0.0
    return Found(theta, spread, low, high, at.free, compressed, likelihood.values(theta), tuple(flags))


def _refined_maximum(law: Law, compressed: Compressed, start: Array) -> tuple[Maximum, Compressed]:
    """The maximum where panels are so narrow that sums of scores are exact to a share of their spread."""
    for _ in range(_REFINEMENTS):
        likelihood = Likelihood(compressed.points, compressed.weights, law.density)
        at = maximise(likelihood, _possible(likelihood, start))
        if compressed.exact:
            break
        share = np.zeros(compressed.wide.size)
        for k in np.flatnonzero(at.free):
            spread = _MOVED * math.sqrt(max(at.outer[k, k], 1e-300))
            share = np.maximum(share, compressed.errors(at.scores[:, k]) / spread)
        share = np.maximum(share, compressed.errors(likelihood.values(at.theta)) / _LIKELIHOOD_ERROR)
        share = np.where(np.isfinite(share), share, np.inf)
        if share.sum() < 1.0:
            break
        compressed = compressed.split(np.flatnonzero(share > 0.5 / share.size))
        start = at.theta
    return at, compressed


def _possible(likelihood: Likelihood, start: Array) -> Array:
    """The start, or one of less skew if some of the sample lies beyond its support."""
    start = start.copy()
    for _ in range(_REFINEMENTS):
        if math.isfinite(likelihood.total(start)):
            break
        start[BETA] *= 0.95
    return start


def _ends(likelihood: Likelihood, at: Maximum, spread: Array, z: float, n: int) -> tuple[Array, Array]:
    """Ends of the four intervals."""
    error = np.sqrt(np.diagonal(spread))
    low, high = np.clip(at.theta - z * error, LOW, HIGH), np.clip(at.theta + z * error, LOW, HIGH)
    if not near_end(at.theta, error):
        return low, high
    known = np.isfinite(error) & (error > 0)
    for k in (ALPHA, BETA):
        if k == BETA and at.theta[ALPHA] >= HIGH[ALPHA]:
            low[k], high[k] = LOW[k], HIGH[k]
            continue
        width = z * float(error[k]) if known[k] else _GUESS / math.sqrt(n)
        ridge = np.nan_to_num(spread[k] / spread[k, k]) if known[k] else np.zeros(4)
        low[k], high[k] = profile_interval(likelihood, at, k, z, width, ridge)
    return low, high


def by_moments(law: Law, sample: Sample, compressed: Compressed, method: str, level: float) -> Found:
    """By quantiles ("mcculloch") or the characteristic function ("ecf")."""
    theta = quantile_start(sample, law)
    if method == "ecf":
        theta, spread = characteristic_fit(sample.ordered, theta)
    else:
        spread = quantile_covariance(theta, sample.n, law.quantile, law.density)
    gap = np.array([1e-6, 1e-6, 0.0, 0.0])
    free = (theta > LOW + gap) & (theta < HIGH - gap)
    theta = np.where(free, theta, np.where(theta - LOW < HIGH - theta, LOW, HIGH))
    error = np.sqrt(np.maximum(np.diagonal(spread), 0.0))
    half = float(ndtri(0.5 + 0.5 * level)) * error
    low, high = np.clip(theta - half, LOW, HIGH), np.clip(theta + half, LOW, HIGH)
    if theta[ALPHA] >= HIGH[ALPHA]:
        theta[BETA], free[BETA], low[BETA], high[BETA] = 0.0, False, -1.0, 1.0
    spread = spread.copy()
    spread[~free], spread[:, ~free] = np.nan, np.nan
    for _ in range(_REFINEMENTS):
        likelihood = Likelihood(compressed.points, compressed.weights, law.density)
        values = likelihood.values(theta)
        left = compressed.errors(values)
        if not left.sum() > _LIKELIHOOD_ERROR:
            break
        compressed = compressed.split(np.flatnonzero(left > 0.5 * _LIKELIHOOD_ERROR / left.size))
    return Found(theta, spread, low, high, free, compressed, values, ())
