"""Tail index α of gradient noise.

Every column is centred and scaled by itself before pooling: a mixture of scales looks heavy-tailed
whatever the tails are. The literal form is the source's Hill estimator (§11.5).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from sdesim.errors import EstimatorError
from sdesim.estimators._estimate import Estimate
from sdesim.estimators._stable import mcculloch_index, symmetric_log_likelihood

Array = NDArray[np.float64]
METHODS = ("ecf", "mcculloch", "hill", "mle", "hill-literal")
# Fractions of the frequency at which |φ| = 1/e (Koutrouvelis, JASA 75, 1980, uses a like range).
_FREQUENCIES = np.array([0.2, 0.4, 0.6, 0.8, 1.0])
_BOOTSTRAP = 200
_NULL_DRAWS = 199
_LITERAL_K = 100
# The null of the largest samples is that of this many rows, which is already narrow.
_NULL_ROWS = 2000
_GAUSSIAN_LEVEL = 0.01


def tail_index(
    samples: ArrayLike, method: str = "ecf", k: int | None = None, level: float = 0.95, seed: int = 0
) -> Estimate:
    """α of samples (n,) or (n, d); the columns are standardised one by one, then pooled.

    Args:
        samples: n independent draws; rows are resampled as wholes, so columns may depend on each other.
        method: "ecf" (default), the slope of log(−log|φ|) against log u (Koutrouvelis); "mcculloch", from
            quantiles; "hill", 1/mean log excess over the k-th largest; "mle" of the symmetric stable law;
            "hill-literal", Hill with k = 100 on the raw pooled |samples|, clipped to [1, 2] (§11.5).
        k: order statistics for "hill", default n^0.6.
        level: coverage of the interval (bootstrap over rows; Hill: asymptotic).
        seed: of the bootstrap.

    Returns:
        Estimate, not clipped. Flags: `gaussian_not_rejected` where a Gaussian sample of the same size gives
        such a value with probability above 1% (details: `gaussian_p`); `not_stable` where sums of rows have
        a larger index than the rows, which no stable law has; `near_2` (Hill can't tell there); `clipped`,
        `n_le_k`, `too_few_samples`.

    Raises:
        EstimatorError: unknown method, wrong shape or k.
    """
    if method not in METHODS:
        raise EstimatorError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    x = np.asarray(samples, dtype=np.float64)
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2:
        raise EstimatorError(f"samples must have shape (n,) or (n, d), got {x.shape}")
    x = x[np.isfinite(x).all(axis=1)]
    if method == "hill-literal":
        return _hill_literal(np.abs(x).ravel(), level)
    x = x[:, _spread(x) > 0.0]
    if x.size == 0 or len(x) < 10:
        return Estimate(math.nan, math.nan, math.nan, level, method, x.size, ("too_few_samples",))
    if method == "hill":
        return _hill(x, k, level)
    value, low, high = _with_bootstrap(x, method, level, seed)
    flags, details = [], {}
    if method == "ecf":
        details["gaussian_p"] = p = gaussian_p_value(value, len(x), x.shape[1])
        flags += ["gaussian_not_rejected"] if p > _GAUSSIAN_LEVEL else []
        flags += ["not_stable"] if _sums_are_lighter(x, value, high - value) else []
    if len(x) < 200 and x.size < 500:
        flags.append("too_few_samples")
    return Estimate(value, low, high, level, method, x.size, tuple(flags), details)


def _spread(x: Array) -> Array:
    quarters = np.quantile(x, [0.25, 0.75], axis=0)
    return np.asarray(quarters[1] - quarters[0])


def _modulus(x: Array, u: Array) -> Array:
    """|φ_n(u)| per column, for one frequency per column."""
    return np.asarray(np.abs(np.exp(1j * x * u).mean(axis=0)))


def _standardised(x: Array) -> Array:
    """Columns centred at the median and divided by the s with |φ_n(1/s)| = 1/e (bisection in log s)."""
    x = x - np.median(x, axis=0)
    scale = _spread(x)
    low, high = np.log(0.05 / scale), np.log(20.0 / scale)
    for _ in range(30):
        middle = 0.5 * (low + high)
        above = _modulus(x, np.exp(middle)) > math.exp(-1.0)
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.asarray(x * np.exp(0.5 * (low + high)))


def _slopes(waves: NDArray[np.complex128], weights: Array, size: int) -> Array:
    """ECF index for each row of weights (B, n) over the rows' mean waves (n, U)."""
    squared = np.abs(weights @ waves) ** 2
    # E|φ_n|² = |φ|²(1 − 1/N) + 1/N.
    squared = np.clip((size * squared - 1) / (size - 1), 1e-12, 1 - 1e-12)
    y = np.log(-0.5 * np.log(squared))
    phi = np.exp(-(_FREQUENCIES**1.7))
    # Delta method: Var log(−log|φ|) ∝ (1 + |φ(2u)| − 2|φ|²)/(2 |φ|² log²|φ|), at a middling index.
    doubled = np.exp(-((2 * _FREQUENCIES) ** 1.7))
    weight = 1 / ((1 + doubled - 2 * phi**2) / (phi * np.log(phi)) ** 2)
    t = np.log(_FREQUENCIES)
    t = t - (weight @ t) / weight.sum()
    return np.asarray((y * (weight * t)).sum(axis=1) / (weight @ t**2))


def _waves(x: Array) -> NDArray[np.complex128]:
    return np.asarray(np.exp(1j * x[:, :, None] * _FREQUENCIES).mean(axis=1))


def _ecf(x: Array) -> float:
    uniform = np.full((1, len(x)), 1 / len(x))
    return float(_slopes(_waves(_standardised(x)), uniform, x.size)[0])


def _with_bootstrap(x: Array, method: str, level: float, seed: int) -> tuple[float, float, float]:
    """Value and normal interval from resampled rows (of at most 20,000, scaled back)."""
    n = len(x)
    rng = np.random.default_rng(seed)
    z = float(ndtri(0.5 + level / 2))
    scaled = _standardised(x)
    if method == "ecf":
        waves = _waves(scaled)
        value = float(_slopes(waves, np.full((1, n), 1 / n), x.size)[0])
        kept = min(n, 20_000)
        counts = rng.multinomial(kept, np.full(kept, 1 / kept), size=_BOOTSTRAP) / kept
        spread = _slopes(waves[:kept], counts, kept * x.shape[1]).std(ddof=1) * math.sqrt(kept / n)
    else:
        index = mcculloch_index if method == "mcculloch" else _mle
        value = index(scaled.ravel())
        # Ten blocks of rows: as a jackknife, enough for a standard error and far cheaper than a bootstrap.
        blocks = np.array_split(rng.permutation(n), 10)
        left = [index(np.delete(scaled, b, axis=0).ravel()) for b in blocks]
        spread = math.sqrt(0.9 * float(((np.array(left) - np.mean(left)) ** 2).sum()))
    return value, value - z * float(spread), value + z * float(spread)


@lru_cache(maxsize=64)
def _gaussian_null(n: int, columns: int) -> tuple[float, ...]:
    """Sorted ECF indices of Gaussian samples of this shape."""
    rng = np.random.default_rng([n, columns])
    return tuple(sorted(_ecf(rng.standard_normal((n, columns))) for _ in range(_NULL_DRAWS)))


def gaussian_p_value(value: float, n: int, columns: int) -> float:
    """Probability that Gaussian data (n, columns) give an ECF index as low as `value`, from 199 samples."""
    rows = min(n, _NULL_ROWS)
    null = np.array(_gaussian_null(rows, min(columns, 32)))
    # Beyond the size that was simulated the null keeps narrowing like 1/√n around 2.
    null = 2.0 + (null - 2.0) * math.sqrt(rows / n)
    return float((1 + np.sum(null <= value)) / (1 + _NULL_DRAWS))


def _sums_are_lighter(x: Array, value: float, half: float) -> bool:
    """Whether sums of 4 or 16 rows have an index beyond what the error of both allows."""
    for m in (4, 16):
        n = len(x) // m
        if n < 100:
            continue
        sums = x[: n * m].reshape(n, m, -1).sum(axis=1)
        if _ecf(sums) - value > 1.5 * half * (1 + math.sqrt(m)):
            return True
    return False


def _mle(x: Array) -> float:
    """α of the symmetric stable law with unit-free scale, by maximising over (α, log scale)."""
    from scipy.optimize import minimize

    def cost(parameters: Array) -> float:
        alpha, log_scale = float(np.clip(parameters[0], 0.3, 2.0)), float(parameters[1])
        penalty = 1e3 * (parameters[0] - alpha) ** 2
        return float(
            -symmetric_log_likelihood(x * math.exp(-log_scale), alpha) / len(x) + log_scale + penalty
        )

    found = minimize(cost, np.array([1.6, 0.0]), method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-9})
    return float(np.clip(found.x[0], 0.3, 2.0))


def _hill_value(ordered: Array, k: int) -> float:
    """1/mean log(x_(i)/x_(k+1)), i ≤ k, of values in descending order."""
    if not ordered[k] > 0:
        return math.nan
    mean = float(np.log(ordered[:k] / ordered[k]).mean())
    return 1 / mean if mean > 0 else math.inf


def _hill(x: Array, k: int | None, level: float) -> Estimate:
    ordered = np.sort(np.abs(_standardised(x)).ravel())[::-1]
    n = len(ordered)
    count = max(10, round(n**0.6)) if k is None else k
    if count < 2:
        raise EstimatorError(f"k must be at least 2, got {count}")
    if n <= count:
        return Estimate(math.nan, math.nan, math.nan, level, "hill", n, ("n_le_k",), {"k": float(count)})
    value = _hill_value(ordered, count)
    half = float(ndtri(0.5 + level / 2)) * value / math.sqrt(count)
    flags = ("near_2",) if value > 1.7 else ()
    return Estimate(value, value - half, value + half, level, "hill", n, flags, {"k": float(count)})


def _hill_literal(values: Array, level: float) -> Estimate:
    """§11.5; NaN, flag `n_le_k`, where the source's code would fail for want of 101 samples."""
    n = len(values)
    if n <= _LITERAL_K:
        return Estimate(math.nan, math.nan, math.nan, level, "hill-literal", n, ("n_le_k", "no_interval"))
    ordered = np.sort(values)[::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = float(np.log(ordered[:_LITERAL_K] / (ordered[_LITERAL_K] + 1e-10)).mean())
    raw = 1 / (mean + 1e-10)
    value = float(np.clip(raw, 1.0, 2.0))
    flags = ("clipped", "no_interval") if value != raw else ("no_interval",)
    return Estimate(value, math.nan, math.nan, level, "hill-literal", n, flags, {"unclipped": raw})
