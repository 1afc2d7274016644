"""The consolidation ratio C = |E g|² / Tr Cov g of mini-batch gradients at a frozen θ.

Literal (§3, §11.1): |ḡ|² / (Tr Σ̂ + 1e-10), biased upwards by 1/n. Debiased (default):
(|ḡ|² − f·TrΣ̂/n) / TrΣ̂ with f = 1 for independent batches and f = 1 − nB/N for batches of one
shuffled epoch; it may be negative, and stays so. Everything follows from |gᵢ|² and gᵢ·ḡ, so the
same code serves a matrix of gradients and the two numbers per draw that a run stores.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import EstimatorError
from sdesim.estimators._estimate import Estimate

Array = NDArray[np.float64]
_LITERAL_GUARD = 1e-10
# Below this share of |ḡ|² the trace is rounding noise, not sampling noise.
_ZERO_NOISE = 1e-24


@dataclass(frozen=True)
class GradientMoments:
    """Sufficient sums of n gradients: mean (d,) and Σ|gᵢ − ḡ|²; exact under pooling."""

    n: int
    mean: Array
    squared_deviation: float

    @property
    def trace(self) -> float:
        """Trace of the unbiased sample covariance."""
        return self.squared_deviation / (self.n - 1) if self.n > 1 else math.nan


@dataclass(frozen=True)
class ConsolidationMatrix:
    """Several objectives: Gram of means M (K, K) and cross-covariance traces N (K, K).

    `best` = sup_w C(w) with weights `weights`; `pareto_gap` = min of wᵀMw over the simplex, zero
    where the objectives are Pareto stationary.
    """

    gram: Array
    noise: Array
    best: float
    weights: Array
    pareto_gap: float

    def ratio(self, weights: ArrayLike) -> float:
        """C(w) = wᵀMw / wᵀNw."""
        w = np.asarray(weights, dtype=np.float64)
        return float(w @ self.gram @ w / (w @ self.noise @ w))


def _matrix(gradients: ArrayLike) -> Array:
    g = np.asarray(gradients)
    if g.ndim != 2:
        raise EstimatorError(f"gradients must have shape (n, d), got {g.shape}")
    if g.shape[0] < 2:
        raise EstimatorError(f"at least 2 gradients are needed for a covariance, got {g.shape[0]}")
    return g if g.dtype == np.float64 else g.astype(np.float64)


def _correction(sampling: str, n: int, batch_size: int | None, dataset_size: int | None) -> float:
    if sampling == "iid":
        return 1.0
    if sampling != "epoch":
        raise EstimatorError(f"sampling must be 'iid' or 'epoch', got {sampling!r}")
    if not batch_size or not dataset_size:
        raise EstimatorError("sampling 'epoch' needs batch_size and dataset_size")
    if n * batch_size > dataset_size:
        raise EstimatorError(
            f"{n} batches of {batch_size} don't fit into one epoch of {dataset_size} examples"
        )
    return 1.0 - n * batch_size / dataset_size


def gradient_moments(gradients: ArrayLike) -> GradientMoments:
    """Moments of gradients (n, d); two passes, O(d) extra memory.

    Raises:
        EstimatorError: not a matrix, or fewer than 2 rows.
    """
    g = _matrix(gradients)
    mean = g.mean(axis=0)
    deviation = math.fsum(float((r := row - mean) @ r) for row in g)
    return GradientMoments(len(g), mean, deviation)


def combine_moments(parts: Sequence[GradientMoments]) -> GradientMoments:
    """Exact pooling of shards, clients or windows (Chan's merge).

    Raises:
        EstimatorError: nothing to combine, or different dimensions.
    """
    if not parts:
        raise EstimatorError("nothing to combine")
    if len({p.mean.shape for p in parts}) != 1:
        raise EstimatorError("moments of different dimensions can't be combined")
    n = sum(p.n for p in parts)
    mean = sum((p.n * p.mean for p in parts), np.zeros_like(parts[0].mean)) / n
    between = math.fsum(p.n * float((d := p.mean - mean) @ d) for p in parts)
    return GradientMoments(n, mean, math.fsum(p.squared_deviation for p in parts) + between)


def _ratio(signal: Array, trace: Array, n: int, f: float) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((signal - f * trace / n) / trace)


def leave_one_out(norm2: Array, dot_mean: Array) -> tuple[Array, Array]:
    """|ḡ₋ᵢ|² and TrΣ̂₋ᵢ with draw i left out, both (..., n), from |gᵢ|² and gᵢ·ḡ, n ≥ 3.

    |ḡ₋ᵢ|² = (n²|ḡ|² − 2n gᵢ·ḡ + |gᵢ|²)/(n−1)², so no gradient is needed again.
    """
    n = norm2.shape[-1]
    signal = dot_mean.mean(axis=-1, keepdims=True)
    left = (n**2 * signal - 2 * n * dot_mean + norm2) / (n - 1) ** 2
    trace = (norm2.sum(axis=-1, keepdims=True) - norm2 - (n - 1) * left) / (n - 2)
    return left, trace


def jackknife_consolidation(
    norm2: ArrayLike, dot_mean: ArrayLike, level: float = 0.95, correction: float = 1.0
) -> tuple[Array, Array, Array]:
    """Debiased C with its jackknife interval from |gᵢ|² and gᵢ·ḡ, both (..., n).

    Returns:
        value, low, high, each (...,); NaN where n < 3 or the noise vanishes. The interval is
        Student t with n−1 degrees of freedom around the debiased value.
    """
    q = np.asarray(norm2, dtype=np.float64)
    dot = np.asarray(dot_mean, dtype=np.float64)
    n = q.shape[-1]
    signal = dot.mean(axis=-1)
    total = q.sum(axis=-1)
    value = _ratio(signal, (total - n * signal) / (n - 1), n, correction)
    if n < 3:
        nothing = np.full(value.shape, np.nan)
        return value, nothing, nothing.copy()
    signal_i, trace_i = leave_one_out(q, dot)
    left_out = _ratio(signal_i, trace_i, n - 1, correction)
    spread = (n - 1) / n * ((left_out - left_out.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1)
    from scipy.special import stdtrit

    half = float(stdtrit(n - 1, 0.5 + level / 2)) * np.sqrt(spread)
    return value, value - half, value + half


def consolidation_from_draws(
    norm2: ArrayLike, dot_mean: ArrayLike, level: float = 0.95, method: str = "debiased",
    sampling: str = "iid", batch_size: int | None = None, dataset_size: int | None = None,
) -> Estimate:  # fmt: skip
    """C from the two numbers per draw that a run stores: |gᵢ|² and gᵢ·ḡ, both (n,).

    Raises:
        EstimatorError: fewer than 2 draws, unknown method or sampling.
    """
    q = np.asarray(norm2, dtype=np.float64)
    dot = np.asarray(dot_mean, dtype=np.float64)
    if q.ndim != 1 or q.shape != dot.shape or len(q) < 2:
        raise EstimatorError(f"norm2 and dot_mean must both be (n,), n ≥ 2, got {q.shape} and {dot.shape}")
    n = len(q)
    f = _correction(sampling, n, batch_size, dataset_size)
    signal = float(dot.mean())
    trace = (float(q.sum()) - n * signal) / (n - 1)
    flags = _noise_flags(signal, trace, n)
    if method == "literal":
        return Estimate(signal / (trace + _LITERAL_GUARD), math.nan, math.nan, level, method, n,
                        (*flags, "no_interval"))  # fmt: skip
    if method != "debiased":
        raise EstimatorError(f"method must be 'debiased' or 'literal', got {method!r}")
    if "zero_noise" in flags or "interpolated" in flags or "nonfinite" in flags:
        value = math.inf if "zero_noise" in flags else math.nan
        return Estimate(value, math.nan, math.nan, level, method, n, (*flags, "no_interval"))
    value, low, high = (float(x) for x in jackknife_consolidation(q, dot, level, f))
    return _debiased(value, low, high, level, n, flags)


def _debiased(value: float, low: float, high: float, level: float, n: int, flags: list[str]) -> Estimate:
    if value < 0:
        flags.append("negative_signal")
    if math.isnan(low):
        flags.append("no_interval")
    return Estimate(value, low, high, level, "debiased", n, tuple(flags))


def _noise_flags(signal: float, trace: float, n: int) -> list[str]:
    flags = ["n_too_small"] if n < 4 else []
    if not (math.isfinite(signal) and math.isfinite(trace)):
        flags.append("nonfinite")
    elif signal <= 0.0 and trace <= 0.0:
        flags.append("interpolated")
    elif trace <= _ZERO_NOISE * signal * n or trace <= 0.0:
        flags.append("zero_noise")
    return flags


def consolidation_ratio(
    gradients: ArrayLike | GradientMoments, method: str = "debiased", sampling: str = "iid",
    batch_size: int | None = None, dataset_size: int | None = None, level: float = 0.95,
) -> Estimate:  # fmt: skip
    """C of the rows as given (a mini-batch C when rows are mini-batch gradients).

    Args:
        gradients: (n, d) gradients at one θ, or their GradientMoments.
        method: "debiased" (jackknife interval; by the delta method, flagged `delta_interval`, from
            moments alone) or "literal" (§11.1).
        sampling: "iid", or "epoch" for batches of one shuffled epoch (needs batch_size, dataset_size).

    Raises:
        EstimatorError: shapes, method or sampling that don't fit.
    """
    if isinstance(gradients, GradientMoments):
        return _from_moments(gradients, method, sampling, batch_size, dataset_size, level)
    g = _matrix(gradients)
    mean = g.mean(axis=0)
    norm2 = np.einsum("ij,ij->i", g, g)
    return consolidation_from_draws(norm2, g @ mean, level, method, sampling, batch_size, dataset_size)


def _from_moments(
    m: GradientMoments, method: str, sampling: str, batch_size: int | None, dataset_size: int | None,
    level: float,
) -> Estimate:  # fmt: skip
    if m.n < 2:
        raise EstimatorError(f"at least 2 gradients are needed for a covariance, got {m.n}")
    signal = float(m.mean @ m.mean)
    flags = _noise_flags(signal, m.trace, m.n)
    if method == "literal":
        return Estimate(signal / (m.trace + _LITERAL_GUARD), math.nan, math.nan, level, method, m.n,
                        (*flags, "no_interval"))  # fmt: skip
    if method != "debiased":
        raise EstimatorError(f"method must be 'debiased' or 'literal', got {method!r}")
    if "zero_noise" in flags:
        return Estimate(math.inf, math.nan, math.nan, level, method, m.n, (*flags, "no_interval"))
    f = _correction(sampling, m.n, batch_size, dataset_size)
    value = float(_ratio(np.asarray(signal), np.asarray(m.trace), m.n, f))
    # The covariance's shape is unknown here; rank one is its worst case: Var M ≤ 4|μ|²T/n + 2T²/(n(n−1)).
    variance = (4 * max(value, 0.0) / m.n + 2 / (m.n * (m.n - 1))) + 2 * value**2 / (m.n - 1)
    from scipy.special import stdtrit

    half = float(stdtrit(m.n - 1, 0.5 + level / 2)) * math.sqrt(variance)
    return _debiased(value, value - half, value + half, level, m.n, [*flags, "delta_interval"])


def per_example(c: float | Estimate, batch_size: int, dataset_size: int | None = None) -> Estimate:
    """C_1 = C_B / B, the batch-free ratio; B_noise = 1/C_1 (McCandlish et al. 2018).

    With dataset_size N given, batches are those of shuffled epochs: C_1 = C_B/B · N/(N−1).

    Raises:
        EstimatorError: batch_size < 1, or larger than the data set.
    """
    if batch_size < 1:
        raise EstimatorError(f"batch_size must be at least 1, got {batch_size}")
    factor = 1.0 / batch_size
    if dataset_size is not None:
        if dataset_size < max(batch_size, 2):
            raise EstimatorError(f"dataset_size must be at least batch_size={batch_size}, got {dataset_size}")
        factor *= dataset_size / (dataset_size - 1)
    if not isinstance(c, Estimate):
        return Estimate(float(c) * factor, math.nan, math.nan, 0.95, "given", 1, ("no_interval",))
    return Estimate(c.value * factor, c.low * factor, c.high * factor, c.level, c.method, c.n, c.flags)


def consolidation_matrix(gradients: ArrayLike) -> ConsolidationMatrix:
    """Matrix-valued C of K objectives measured on the same batches, gradients (K, n, d).

    M_kl is the U-statistic of μ_k·μ_l, N_kl = Tr Cov(g_k, g_l).

    Raises:
        EstimatorError: wrong shape, fewer than 2 batches, or a singular N.
    """
    g = np.asarray(gradients, dtype=np.float64)
    if g.ndim != 3 or g.shape[1] < 2:
        raise EstimatorError(f"gradients must have shape (objectives, n ≥ 2, d), got {g.shape}")
    n = g.shape[1]
    mean = g.mean(axis=1)
    centred = g - mean[:, None, :]
    noise = np.einsum("kij,lij->kl", centred, centred) / (n - 1)
    gram = mean @ mean.T - noise / n
    from scipy.linalg import LinAlgError, eigh

    try:
        values, vectors = eigh(gram, noise)
    except LinAlgError as error:
        raise EstimatorError(
            "the noise matrix is singular: two objectives have the same gradients"
        ) from error
    return ConsolidationMatrix(gram, noise, float(values[-1]), vectors[:, -1], _simplex_minimum(gram))


def _simplex_minimum(gram: Array) -> float:
    """min wᵀMw over the simplex, by exponentiated gradient steps from its centre."""
    w: Any = np.full(len(gram), 1.0 / len(gram))
    step = 0.5 / max(float(np.abs(gram).max()), 1e-300)
    for _ in range(5000):
        w = w * np.exp(-step * (gram @ w - (gram @ w).min()))
        w = w / w.sum()
    return float(w @ gram @ w)
