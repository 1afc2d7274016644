"""The numbers behind a verdict: spread, distance, its null, a permutation test, Holm, effect sizes.

Arrays are (n, T): n trajectories (seeds) at T aligned times. `s_t` is the between-seed standard deviation
of the real arm, which is the yardstick: a simulation need not be closer to a training run than another
seed of the same training is.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import combinations
from math import comb, lgamma

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]

MAX_PERMUTATIONS = 4000
NULL_DRAWS = 4000
# Share of a value within which two programs agree: that of double precision, with room for long sums.
_ROUNDING = 1e-9


def t_quantile(level: float, df: float) -> float:
    """Two-sided Student quantile: P(|t_df| < q) = level."""
    return float(special.stdtrit(df, 0.5 + level / 2))


def spread(real: Array) -> Array:
    """s_t (T,): between-seed standard deviation, its variance averaged over the two neighbouring times.

    The averaging keeps a chance coincidence of three or four seeds at one time from dividing by nothing.
    Zero where no seed differs; NaN throughout with fewer than two seeds.
    """
    n, times = real.shape
    if n < 2:
        return np.full(times, np.nan)
    variance = np.var(real, axis=0, ddof=1)
    padded = np.concatenate([variance[:1], variance, variance[-1:]])
    smooth = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    scale = np.abs(real).mean(axis=0)
    return np.where(smooth > (1e-12 * scale) ** 2, np.sqrt(smooth), 0.0)


def distance(simulated: Array, real: Array, s: Array) -> float:
    """mean_t |mean_sim − mean_real| / s_t over the times with s_t > 0; NaN if there are none."""
    usable = s > 0
    if not usable.any():
        return float("nan")
    gap = np.abs(simulated.mean(axis=0) - real.mean(axis=0))
    return float((gap[usable] / s[usable]).mean())


def null_distance(real: Array, n_simulated: int, s: Array) -> float:
    """Expected distance if the simulation were n_simulated further seeds of the real arm.

    Leave-one-out: mean over seeds i and times of |x_i − mean of the others| / s_t, times
    √((1/n_s + 1/n_r) / (1 + 1/(n_r − 1))) for the other sample sizes, times E[s]·E[1/s] because x_i is part
    of its own yardstick and a simulated mean is not (exact for normal values). NaN below three real seeds.
    """
    n = real.shape[0]
    usable = s > 0
    if n < 3 or not usable.any():
        return float("nan")
    apart = np.abs(real - real.mean(axis=0)) * n / (n - 1)
    left_out = float((apart[:, usable] / s[usable]).mean())
    sizes = np.sqrt((1 / n_simulated + 1 / n) / (1 + 1 / (n - 1)))
    df = n - 1
    # E[s]·E[1/s] = Γ((df+1)/2) Γ((df−1)/2) / Γ(df/2)² for a χ variable with df degrees of freedom.
    own = np.exp(lgamma((df + 1) / 2) + lgamma((df - 1) / 2) - 2 * lgamma(df / 2))
    return float(left_out * sizes * own)


def null_draws(real: Array, n_simulated: int, s: Array, differences: Array | None = None) -> Array:
    """Distances (NULL_DRAWS,) under the null: Δ_t multivariate t with the real seeds' covariance over time.

    Δ = √(1/n_s + 1/n_r) · Σ_i w_i (x_i − x̄)/√(n_r − 1) · √(df/χ²_df), w_i standard normal, df = n_r − 1. Of
    paired arms the covariance is that of their differences (n, T), and √(1/n) the factor.
    """
    values = real if differences is None else differences
    n = values.shape[0]
    usable = s > 0
    if real.shape[0] < 3 or not usable.any():
        return np.empty(0)
    rng = np.random.default_rng(0)
    residual = ((values - values.mean(axis=0)) / np.sqrt(n - 1))[:, usable] / s[usable]
    draws = rng.standard_normal((NULL_DRAWS, n)) @ residual
    draws *= np.sqrt((n - 1) / rng.chisquare(n - 1, NULL_DRAWS))[:, None]
    factor = size_factor(n_simulated, n, differences is not None)
    return np.asarray(np.sqrt(factor) * np.abs(draws).mean(axis=1))


def size_factor(n_simulated: int, n_real: int, paired: bool = False) -> float:
    """Variance of the difference of two means in that of one value: 1/n_s + 1/n_r; of n pairs 1/n."""
    return 1 / n_real if paired else 1 / n_simulated + 1 / n_real


def error_rows(simulated: Array, real: Array, paired: bool = False) -> Array:
    """Rows R (k, T) with RᵀR the covariance over time of the difference of the arms' means.

    Fewer than three simulations tell no spread of their own: that of the real seeds is taken.
    """
    if paired:
        return _deviations(simulated - real, len(real))
    known = simulated if len(simulated) > 2 else real
    return np.concatenate([_deviations(known, len(simulated)), _deviations(real, len(real))])


def _deviations(values: Array, count: int) -> Array:
    return np.asarray((values - values.mean(axis=0)) / np.sqrt((len(values) - 1) * count))


def normal_draws(rows: Array) -> Array:
    """Normal numbers (NULL_DRAWS, T) with covariance rowsᵀ rows, always from the same ones."""
    return np.asarray(_normal(rows.shape[0]) @ rows)


@lru_cache(maxsize=16)
def _normal(columns: int) -> Array:
    return np.random.default_rng((1, columns)).standard_normal((NULL_DRAWS, columns))


@lru_cache(maxsize=256)
def chi_draws(df: int) -> Array:
    """√(χ²_df/df) (NULL_DRAWS,), always the same."""
    return np.asarray(np.sqrt(np.random.default_rng((2, df)).chisquare(df, NULL_DRAWS) / df))


def permutation_test(simulated: Array, real: Array, paired: bool = False) -> tuple[float, float]:
    """(p, smallest attainable p) of exchanging labels between trajectories, of paired ones within each pair.

    Statistic: mean_t |mean_sim − mean_real| / (standard deviation of all trajectories at t). Every split
    is visited up to MAX_PERMUTATIONS, beyond that a fixed random sample of them.
    """
    n_s, n_r = simulated.shape[0], real.shape[0]
    pooled = np.concatenate([simulated, real])
    deviation = pooled.std(axis=0)
    usable = deviation > 1e-12 * np.abs(pooled).mean(axis=0)
    if not usable.any():
        return 1.0, 1.0 / (2**n_r if paired else comb(n_s + n_r, n_s))
    scaled = (pooled[:, usable] - pooled[:, usable].mean(axis=0)) / deviation[usable]
    labels = splits(n_s, n_r, paired)
    weights = labels / n_s - (1 - labels) / n_r
    statistic = np.abs(weights @ scaled).mean(axis=1)
    # The first split is the observed one; the slack lets rounding not break its ties with its mirror image.
    p = float((statistic >= statistic[0] * (1 - 1e-9)).mean())
    return p, smallest_p(n_s, n_r, paired)


def smallest_p(n_s: int, n_r: int, paired: bool = False) -> float:
    """Smallest p that exchanging labels can reach: that of the observed split and its mirror image, if
    any."""
    total = 2**n_r if paired else comb(n_s + n_r, n_s)
    if total > MAX_PERMUTATIONS:
        # Of those that are drawn the mirror image is hardly one.
        return 1.0 / MAX_PERMUTATIONS
    return (2.0 if n_s == n_r or paired else 1.0) / total


def splits(n_s: int, n_r: int, paired: bool = False) -> Array:
    """Which of n_s + n_r trajectories are called simulated, (splits, n_s + n_r) of 0 and 1, the first
    those that are; of pairs one each."""
    if not paired:
        return _splits(n_s, n_r)
    if 2**n_r <= MAX_PERMUTATIONS:
        swapped = (np.arange(2**n_r)[:, None] >> np.arange(n_r) & 1).astype(np.float64)
    else:
        swapped = np.random.default_rng(0).integers(0, 2, (MAX_PERMUTATIONS, n_r)).astype(np.float64)
        swapped[0] = 0.0
    return np.concatenate([1 - swapped, swapped], axis=1)


def _splits(n_s: int, n_r: int) -> Array:
    n = n_s + n_r
    total = comb(n, n_s)
    if total <= MAX_PERMUTATIONS:
        labels = np.zeros((total, n))
        for row, chosen in enumerate(combinations(range(n), n_s)):
            labels[row, list(chosen)] = 1.0
        return labels
    rng = np.random.default_rng(0)
    order = rng.random((MAX_PERMUTATIONS, n)).argsort(axis=1)
    order[0] = np.arange(n)
    return (order < n_s).astype(np.float64)


def holm(p: Array) -> Array:
    """Holm's step-down adjusted p-values, same order; NaN stays NaN and does not count."""
    out = np.full(p.shape, np.nan)
    valid = np.flatnonzero(np.isfinite(p))
    order = valid[np.argsort(p[valid])]
    running = 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (order.size - rank) * float(p[index])))
        out[index] = running
    return out


def difference_interval(a: Array, b: Array, level: float, paired: bool = False) -> tuple[float, float, float]:
    """mean(a) − mean(b) with Welch's interval; a sample of one borrows the other's variance. Of paired
    samples Student's of their differences.

    a (n_a,), b (n_b,). NaN bounds when both hold a single value.
    """
    delta = float(a.mean() - b.mean())
    if a.size < 2 and b.size < 2:
        return delta, float("nan"), float("nan")
    if paired:
        half = t_quantile(level, a.size - 1) * float((a - b).std(ddof=1)) / np.sqrt(a.size)
        return delta, delta - half, delta + half
    if a.size < 2 or b.size < 2:
        many = a if a.size > 1 else b
        variance, df = many.var(ddof=1) * (1 / a.size + 1 / b.size), float(many.size - 1)
    else:
        va, vb = a.var(ddof=1) / a.size, b.var(ddof=1) / b.size
        variance = va + vb
        df = float(variance**2 / (va**2 / (a.size - 1) + vb**2 / (b.size - 1))) if variance > 0 else 1.0
    half = t_quantile(level, df) * float(np.sqrt(variance))
    return delta, delta - half, delta + half


def first_difference(simulated: Array, real: Array, level: float, paired: bool = False) -> int | None:
    """Index of the first time whose difference, and the next time's, leaves its pointwise interval.

    Trajectories from one start don't spread there: rounding, in which two programs differ, is no difference.
    """
    outside = np.zeros(real.shape[1], dtype=bool)
    for t in range(real.shape[1]):
        _, low, high = difference_interval(simulated[:, t], real[:, t], level, paired)
        rounding = _ROUNDING * float(np.abs(real[:, t]).max())
        outside[t] = low > rounding or high < -rounding
    lasting = outside & np.append(outside[1:], outside[-1])
    found = np.flatnonzero(lasting)
    return int(found[0]) if found.size else None
