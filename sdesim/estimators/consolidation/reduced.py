"""C from what a run keeps of its gradients: two numbers per draw, |gᵢ|² and gᵢ·ḡ, or two sums, |ḡ|² and Tr Σ̂.

All of it holds at many places at once: sums (...,), numbers per draw (..., n).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from sdesim.errors import EstimatorError
from sdesim.estimate import AnyEstimate
from sdesim.estimators.core.binomial import wilson
from sdesim.estimators.core.draws import (
    check_level,
    debiased,
    draws_of_numbers,
    jackknife,
    noise_masks,
    student,
    where_known,
)
from sdesim.estimators.core.places import made
from sdesim.kinds.numbers import one_of
from sdesim.kinds.spelling import short
from sdesim.support import DEBIASED, POSITIVE

Array = NDArray[np.float64]
LITERAL_GUARD = 1e-10
_ROUNDING = 1e-24


def literal_ratio(signal: ArrayLike, noise: ArrayLike) -> Array:
    """|ḡ|²/(Tr Σ̂ + 1e-10), as in §11.1, element by element."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.asarray(signal, np.float64) / (np.asarray(noise, np.float64) + LITERAL_GUARD))


def leave_one_out(norm2: ArrayLike, dot_mean: ArrayLike) -> tuple[Array, Array]:
    """|ḡ₋ᵢ|² and TrΣ̂₋ᵢ with draw i left out, both (..., n), from |gᵢ|² and gᵢ·ḡ, n ≥ 3.

    ḡ₋ᵢ = ḡ − eᵢ/(n−1), so no gradient is needed again.
    """
    return draws_of_numbers(norm2, dot_mean).left_out()


def jackknife_consolidation(
    norm2: ArrayLike, dot_mean: ArrayLike, level: float = 0.95, correction: float = 1.0
) -> tuple[Array, Array, Array]:
    """Debiased C with its jackknife interval from |gᵢ|² and gᵢ·ḡ, both (..., n).

    The lower end is Ĉ − t√v, v the jackknife variance, t Student's quantile at n − 1. The upper end is
    the score's: the C₀ with (C₀ − Ĉ)² = t²(v + 4h(C₀ − Ĉ)/n), h the share of Tr Σ̂ along ḡ, because Var Ĉ
    grows with C; without it the interval is too short above where the noise lies along a small signal.

    Measured coverage of nominal 95% (2,000 repetitions a cell, d = 100, C from 1e-4 to 10): 0.945 to 1 for
    Gaussian noise at n = 4, 8, 20, 64, white, with eigenvalues k^−1.5 and all on one axis, signal along the
    noisiest axis or anywhere; 0.937 to 0.998 for independent Student t₅
    coordinates, 0.92 for the multivariate t₅ at C = 1. At C = 1e-4 and n = 8: 0.995 (white).
    Batches of one epoch (f < 1): 0.978 to 1, the more so the more of the epoch they make up.

    Returns:
        value, low, high, each (...,), the ends cut off at 0; NaN where n < 3 or the noise vanishes.
    """
    value, low, high = jackknife(draws_of_numbers(norm2, dot_mean), level, correction)
    return value, *DEBIASED.cut(low, high)


def consolidation_from_sums(
    signal: ArrayLike, noise: ArrayLike, n: ArrayLike | None = None, method: str = "debiased",
    level: float = 0.95, correction: float = 1.0, dim: float = 1.0, interval: bool = True,
    rounding: float = _ROUNDING,
) -> AnyEstimate:  # fmt: skip
    """C from |ḡ|² and Tr Σ̂ alone.

    Args:
        signal: |ḡ|²; noise: Tr Σ̂, the unbiased sample trace; each a number or (...,).
        n: number of draws, or one at each place; None: the moments are those of all examples, nothing was
            drawn, and C is signal/noise without an interval (n is then 0).
        method: "debiased", (|ḡ|² − f Tr Σ̂/n)/Tr Σ̂; "literal", |ḡ|²/(Tr Σ̂ + 1e-10) (§11.1).
        correction: f, 1 for independent batches.
        dim: the interval, by the delta method, is that of noise white in so many dimensions; 1, all noise on
            one axis, is the worst case. Measured coverage of nominal 0.95 there: 0.97 to 1.0 for C from 0.05
            to 3 and 20 or 64 draws; 1.0 with the noise on thirty axes.
        interval: whether to give one.
        rounding: share of |ḡ|² below which the trace is rounding; two numbers per draw leave 1e-14.

    Returns:
        Estimate (...,); details `signal`, freed of its bias, and `noise`. Flags as of `consolidation_ratio`,
        and `delta_interval` where there is one.

    Raises:
        EstimatorError: unknown method, a level outside (0, 1).
    """
    check_level(level)
    one_of(method, ("debiased", "literal"), "method", EstimatorError)
    s, t = np.broadcast_arrays(np.asarray(signal, dtype=np.float64), np.asarray(noise, dtype=np.float64))
    count = np.inf if n is None else np.asarray(n, dtype=np.float64)
    masks = noise_masks(s, t, count, 0.0 if n is None else rounding)
    size = np.zeros(s.shape, dtype=np.int64) if n is None else np.nan_to_num(count).astype(np.int64)
    size = np.broadcast_to(size, s.shape)
    if method == "literal":
        return made(literal_ratio(s, t), np.nan, np.nan, level, method, size,
                    {**masks, "no_interval": np.ones(s.shape, dtype=bool)})  # fmt: skip
    raw = debiased(s, t, count, correction)
    if interval and n is not None:
        with np.errstate(divide="ignore"):
            shares = 1 / count, 1 / (count * (count - 1))
        ends = white_noise_interval(raw, *shares, level, count - 1, dim)
    else:
        ends = np.full(s.shape, np.nan), np.full(s.shape, np.nan)
    value, low, high = where_known(masks, raw, *ends)
    low, high = DEBIASED.cut(low, high)
    masks |= {"delta_interval": ~np.isnan(low), "negative_signal": value < 0, "no_interval": np.isnan(low)}
    with np.errstate(invalid="ignore"):
        details = {"signal": np.asarray(s - correction * t / count), "noise": t}
    # A plain Estimate without a ratio has nothing to tell of its parts.
    return made(value, low, high, level, method, size, masks, details if s.ndim or np.isfinite(value) else {})


def white_noise_interval(
    value: ArrayLike, mean_share: ArrayLike, pair_share: ArrayLike, level: float, freedom: ArrayLike,
    dim: float = 1.0,
) -> tuple[Array, Array]:  # fmt: skip
    """Interval of C where the draws are gone, for noise white in `dim` dimensions, element by element.

    Var M = (4|μ|²T·mean_share + 2T²·pair_share)/dim, Var T = 2T²/(freedom·dim). dim = 1, all noise along the
    signal, is the worst case whatever the covariance. The lower end is Ĉ − t√v; the upper end solves the
    score equation, in which the variance is that at the C tried.
    """
    c, mean, pair = (np.asarray(x, dtype=np.float64) for x in (value, mean_share, pair_share))
    left = np.asarray(freedom, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        t2 = stdtrit(left, 0.5 + level / 2) ** 2
        variance = (4 * np.maximum(c, 0.0) * mean + 2 * pair + 2 * c**2 / left) / dim
        slope = t2 * 4 * mean / dim
        above = 0.5 * (slope + np.sqrt(slope**2 + 4 * t2 * variance))
        return np.asarray(c - np.sqrt(t2 * variance)), np.asarray(c + above)


def signal_and_noise(
    signal: ArrayLike, noise: ArrayLike, n: ArrayLike, norm2: ArrayLike | None = None,
    dot_mean: ArrayLike | None = None, level: float = 0.95, cut: bool = True,
) -> tuple[AnyEstimate, AnyEstimate]:  # fmt: skip
    """The two parts of C: |μ|², estimated by |ḡ|² − Tr Σ̂/n, and Tr Σ, by Tr Σ̂.

    Args:
        signal: |ḡ|², noise: Tr Σ̂, n: number of draws; each a number or (...,).
        norm2: |gᵢ|², dot_mean: gᵢ·ḡ, (..., n): with them the jackknife's intervals, Student's t at n − 1, of
            Tr Σ on the log scale.
        cut: whether the interval of |μ|² ends at 0; an error that is passed on is taken whole.

    Returns:
        Estimates (...,) of both; the first with the flag `negative_signal` where it is below 0.

    Raises:
        EstimatorError: one of norm2 and dot_mean alone, a level outside (0, 1).
    """
    check_level(level)
    if (norm2 is None) != (dot_mean is None):
        raise EstimatorError("norm2 and dot_mean must be given together")
    s, t, count = np.broadcast_arrays(*(np.asarray(x, dtype=np.float64) for x in (signal, noise, n)))
    with np.errstate(divide="ignore", invalid="ignore"):
        mu2 = np.asarray(s - t / count)
        wide, trace_wide = np.full(s.shape, np.nan), np.full(s.shape, np.nan)
        if norm2 is not None and dot_mean is not None and np.shape(norm2)[-1] > 2:
            m = np.shape(norm2)[-1]
            left_signal, left_noise = leave_one_out(norm2, dot_mean)
            wide, trace_wide = (
                _jackknife_half(left, level) for left in (left_signal - left_noise / (m - 1), left_noise)
            )
    size = np.nan_to_num(count).astype(np.int64)
    none = {"no_interval": np.isnan(wide)}
    low, high = DEBIASED.interval(mu2, wide) if cut else (mu2 - wide, mu2 + wide)
    below, above = POSITIVE.interval(t, trace_wide)
    return (
        made(mu2, low, high, level, "debiased", size, {"negative_signal": mu2 < 0, **none}),
        made(t, below, above, level, "sample trace", size, none),
    )


def _jackknife_half(left: Array, level: float) -> Array:
    """Half-width from the values with each draw left out, (..., n)."""
    m = left.shape[-1]
    spread = ((left - left.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1)
    return np.asarray(student(level, m - 1) * np.sqrt((m - 1) / m * spread))


def direction_share(norm2: ArrayLike, dot_mean: ArrayLike, level: float = 0.95) -> AnyEstimate:
    """Share of draws that point along the mean of the others, gᵢ·ḡ₋ᵢ > 0, with Wilson's interval.

    It estimates P(g·μ > 0) for any noise, the better the nearer ḡ₋ᵢ is to μ (`direction_probability`,
    "measured", says where it is not near). gᵢ·ḡ₋ᵢ = (n gᵢ·ḡ − |gᵢ|²)/(n − 1).

    Args:
        norm2: |gᵢ|², dot_mean: gᵢ·ḡ, both (..., n).

    Returns:
        Estimate (...,); NaN where a draw is not finite.

    Raises:
        EstimatorError: shapes that differ, fewer than 2 draws, a level outside (0, 1).
    """
    check_level(level)
    q, dot = per_draw(norm2, dot_mean)
    n = q.shape[-1]
    missing = ~(np.isfinite(q).all(axis=-1) & np.isfinite(dot).all(axis=-1))
    with np.errstate(invalid="ignore", over="ignore"):
        share = (n * dot - q > 0).mean(axis=-1)
    value, low, high = (np.where(missing, np.nan, x) for x in (share, *wilson(share, n, level)))
    return made(value, low, high, level, "share of signs", np.broadcast_to(n, value.shape),
                {"no_interval": missing})  # fmt: skip


def per_draw(norm2: ArrayLike, dot_mean: ArrayLike) -> tuple[Array, Array]:
    """|gᵢ|² and gᵢ·ḡ as arrays (..., n).

    Raises:
        EstimatorError: shapes that differ, or fewer than 2 draws.
    """
    q, dot = np.asarray(norm2, dtype=np.float64), np.asarray(dot_mean, dtype=np.float64)
    if q.ndim < 1 or q.shape != dot.shape or q.shape[-1] < 2:
        raise EstimatorError(
            f"norm2 and dot_mean must both be (n,) or (..., n), n ≥ 2, got {q.shape} and {dot.shape}"
        )
    return q, dot


def correction(sampling: str, n: int, batch_size: int | None, dataset_size: int | None) -> float:
    """f of the debiased C: 1 for independent batches, 1 − nB/N for batches of one shuffled epoch."""
    if sampling == "iid":
        return 1.0
    if sampling != "epoch":
        raise EstimatorError(f"sampling must be 'iid' or 'epoch', got {short(sampling)}")
    if not batch_size or not dataset_size:
        raise EstimatorError("sampling 'epoch' needs batch_size and dataset_size")
    if n * batch_size > dataset_size:
        raise EstimatorError(
            f"{n} batches of {batch_size} don't fit into one epoch of {dataset_size} examples"
        )
    return 1.0 - n * batch_size / dataset_size
