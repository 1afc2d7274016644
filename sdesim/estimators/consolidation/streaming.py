"""C of gradients that come one by one, in O(d) memory.

MomentStream: mean and deviation (Welford), equal to the batch form, mergeable. PairStream: two half-batch
gradients per step, O(1) memory, valid while θ moves. EmaStream: exponential averages, unbiased at every t.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import fdtri

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate
from sdesim.estimators.consolidation.ratio import (
    GradientMoments,
    combine_moments,
    consolidation_ratio,
    gradient_moments,
)
from sdesim.estimators.consolidation.reduced import white_noise_interval
from sdesim.estimators.consolidation.window_ratio import PairSums, fieller_of_sums, pair_sums
from sdesim.estimators.core.draws import check_level
from sdesim.estimators.core.samples import bordered
from sdesim.support import DEBIASED

Array = NDArray[np.float64]
# Chance at one time of calling a frozen mean drifting.
_DRIFT_LEVEL = 1e-3


def _vector(gradient: ArrayLike, dim: int | None) -> Array:
    g = np.asarray(gradient, dtype=np.float64)
    if g.ndim != 1 or (dim is not None and len(g) != dim):
        expected = "(d,)" if dim is None else f"({dim},)"
        raise EstimatorError(f"gradient must have shape {expected}, got {g.shape}")
    return g


class MomentStream:
    """Welford's one-pass moments of gradients: memory d, the same numbers as `gradient_moments`."""

    def __init__(self) -> None:
        self._moments: GradientMoments | None = None

    @property
    def n(self) -> int:
        return 0 if self._moments is None else self._moments.n

    @property
    def moments(self) -> GradientMoments:
        """What has been seen.

        Raises:
            EstimatorError: nothing yet.
        """
        if self._moments is None:
            raise EstimatorError("no gradient has been seen yet")
        return self._moments

    @bordered
    def update(self, gradients: ArrayLike) -> None:
        """Take in one gradient (d,) or several (k, d)."""
        g = np.asarray(gradients)
        if g.ndim == 2 and len(g) > 1:
            self._take(gradient_moments(g))
            return
        row = _vector(g[0] if g.ndim == 2 else g, None if self._moments is None else len(self._moments.mean))
        self._take(GradientMoments(1, row, 0.0))

    def merge(self, other: MomentStream) -> None:
        """Take in what another stream has seen."""
        if other._moments is not None:
            self._take(other._moments)

    def _take(self, part: GradientMoments) -> None:
        self._moments = part if self._moments is None else combine_moments([self._moments, part])

    def estimate(self, level: float = 0.95, dim: float | None = None) -> Estimate:
        """Debiased C of all rows, as `consolidation_ratio` of the moments (flag `delta_interval`)."""
        return consolidation_ratio(self.moments, level=level, dim=dim)


def paired_consolidation(first: ArrayLike, second: ArrayLike, level: float = 0.95) -> Estimate:
    """C at the size of a half batch from the two halves' gradients, (n, d) each: Σ gₐ·g_b/Σ ½|gₐ − g_b|².

    Each pair gives an unbiased |μ|² and Tr Σ by itself, so θ may move from pair to pair; then the value is
    C of the averages over the path. The whole batch has twice this C (`at_batch_size`).

    Returns:
        Estimate, n = pairs, with Fieller's interval (measured coverage of 95% at 30 pairs: 0.94 to 0.96).

    Raises:
        EstimatorError: shapes that differ.
    """
    a, b = np.atleast_2d(np.asarray(first)), np.atleast_2d(np.asarray(second))
    if a.ndim != 2 or a.shape != b.shape:
        raise EstimatorError(f"halves must both be (n, d), got {a.shape} and {b.shape}")
    numbers = np.array([_pair(x, y) for x, y in zip(a, b, strict=True)])
    return fieller_of_sums(pair_sums(numbers[:, 0], numbers[:, 1]), level, "half-batches")


def _pair(a: Array, b: Array) -> tuple[float, float]:
    difference = np.subtract(a, b, dtype=np.float64)
    norm2 = float(difference @ difference)
    mean = 0.5 * np.add(a, b, dtype=np.float64)
    # gₐ·g_b = |(gₐ + g_b)/2|² − |gₐ − g_b|²/4.
    return float(mean @ mean) - 0.25 * norm2, 0.5 * norm2


class PairStream:
    """Pairs of half-batch gradients, five numbers in memory; equal to `paired_consolidation`, mergeable."""

    def __init__(self) -> None:
        self._sums = PairSums(0, np.zeros(2), np.zeros((2, 2)))

    @property
    def n(self) -> int:
        """Pairs seen."""
        return self._sums.n

    @bordered
    def update(self, first: ArrayLike, second: ArrayLike) -> None:
        """Take in one pair, (d,) each."""
        a = _vector(first, None)
        b = _vector(second, len(a))
        self._sums = self._sums.merged(PairSums(1, np.array(_pair(a, b)), np.zeros((2, 2))))

    def merge(self, other: PairStream) -> None:
        """Take in what another stream has seen."""
        self._sums = self._sums.merged(other._sums)

    def estimate(self, level: float = 0.95) -> Estimate:
        """C at the size of a half batch.

        Raises:
            EstimatorError: nothing seen yet.
        """
        if self._sums.n == 0:
            raise EstimatorError("no pair has been seen yet")
        return fieller_of_sums(self._sums, level, "half-batches")


class EmaStream:
    """Exponential averages m of g and q of |g|² with decay β, both divided by 1 − βᵗ.

    With k = (1−β)(1+βᵗ)/((1+β)(1−βᵗ)), the sum of squared weights, T = (q − |m|²)/(1 − k) and
    M = (|m|² − kq)/(1 − k) are unbiased at every t ≥ 2 at a frozen θ; where the mean moves they lag.
    A second average m′ with decay `slow` watches for that: E|m − m′|² = κT at a frozen θ, and the flag
    `drift` is raised where |m − m′|² exceeds κT times the 99.9% quantile of F(δ, δ(1/k − 1)), δ a cautious
    guess of the noise's effective dimension from the spread of |g − m|² (1 for the first 20 gradients, the
    widest law there is). Measured false alarms per time: below 0.1%. Memory: 2d.

    Args:
        beta: decay per gradient, in (0, 1).
        slow: decay of the second average, in (beta, 1); default 1 − (1 − beta)/4.

    Raises:
        EstimatorError: decays that are not 0 < beta < slow < 1.
    """

    def __init__(self, beta: float = 0.9, slow: float | None = None) -> None:
        slow = 1 - (1 - beta) / 4 if slow is None else slow
        if not 0 < beta < slow < 1:
            raise EstimatorError(f"decays must be 0 < beta < slow < 1, got {beta} and {slow}")
        self.beta, self.slow = beta, slow
        self.n = 0
        self._mean: Array | None = None
        self._slow_mean: Array | None = None
        self._norm2 = 0.0
        # Slow averages of |g − m|²/(1 + k) and of its square.
        self._spread = np.zeros(2)

    @bordered
    def update(self, gradient: ArrayLike) -> None:
        """Take in one gradient (d,)."""
        g = _vector(gradient, None if self._mean is None else len(self._mean))
        if self._mean is None or self._slow_mean is None:
            self._mean, self._slow_mean = np.zeros(len(g)), np.zeros(len(g))
        if self.n > 0:
            step = g - self._mean / (1 - self.beta**self.n)
            deviation = float(step @ step) / (1 + self._overlap(self.beta, self.beta))
            self._spread += (1 - self.slow) * (np.array([deviation, deviation**2]) - self._spread)
        self._mean += (1 - self.beta) * (g - self._mean)
        self._slow_mean += (1 - self.slow) * (g - self._slow_mean)
        self._norm2 += (1 - self.beta) * (float(g @ g) - self._norm2)
        self.n += 1

    def _noise_dim(self) -> float:
        """Effective dimension of the noise: Var|g − m|² = 2 Tr Σ² if Gaussian, here taken 1.5 times."""
        if self.n < 20:
            return 1.0
        first, second = self._spread / (1 - self.slow ** (self.n - 1))
        variance = second - first**2
        return max(1.0, first**2 / (0.75 * variance)) if variance > 0 else 1.0

    def _overlap(self, a: float, b: float) -> float:
        """Σ wᵢ w′ᵢ of the normalised weights of decays a and b."""
        t = self.n
        return (1 - a) * (1 - b) * (1 - (a * b) ** t) / ((1 - a**t) * (1 - b**t) * (1 - a * b))

    def estimate(self, level: float = 0.95, dim: float | None = None) -> Estimate:
        """C with the interval of the delta method at 1/k draws (flag `delta_interval`), for noise white in
        `dim` dimensions; by default the worst case, all noise on one axis.

        Measured coverage of 95% at β = 0.9 and t = 40 (noise white or on one axis): 0.96 to 1.

        Raises:
            EstimatorError: fewer than 2 gradients seen.
        """
        check_level(level)
        if self.n < 2 or self._mean is None or self._slow_mean is None:
            raise EstimatorError(f"at least 2 gradients are needed for a covariance, got {self.n}")
        mean, slow = self._mean / (1 - self.beta**self.n), self._slow_mean / (1 - self.slow**self.n)
        q, size = self._norm2 / (1 - self.beta**self.n), float(mean @ mean)
        k = self._overlap(self.beta, self.beta)
        noise, signal = (q - size) / (1 - k), (size - k * q) / (1 - k)
        difference = mean - slow
        kappa = k + self._overlap(self.slow, self.slow) - 2 * self._overlap(self.beta, self.slow)
        details = {"signal": signal, "noise": noise, "k": k}
        if not (math.isfinite(signal) and math.isfinite(noise)):
            return Estimate(
                math.nan, math.nan, math.nan, level, "ema", self.n, ("nonfinite", "no_interval"), details
            )
        if noise <= 1e-14 * size * self.n or noise <= 0:
            value, flag = (math.inf, "zero_noise") if signal > 0 else (math.nan, "interpolated")
            return Estimate(value, math.nan, math.nan, level, "ema", self.n, (flag, "no_interval"), details)
        freedom = 1 / k - 1
        moved = float(difference @ difference) / (kappa * noise) if kappa > 1e-12 else 0.0
        details["drift"] = moved
        delta = min(self._noise_dim(), float(len(mean)))
        flags = ["drift"] if moved > float(fdtri(delta, delta * freedom, 1 - _DRIFT_LEVEL)) else []
        value = signal / noise
        width = 1.0 if dim is None else dim
        ends = DEBIASED.cut(*white_noise_interval(value, k, k * k / (1 - k), level, freedom, width))
        low, high = (float(x) for x in ends)
        flags += ["negative_signal"] if value < 0 else []
        return Estimate(value, low, high, level, "ema", self.n, (*flags, "delta_interval"), details)
