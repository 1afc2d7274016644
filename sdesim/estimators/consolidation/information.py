"""What one gradient tells about the mean one: mutual information of the Gaussian channel g = μ + ε, in nats.

At a given C it is not fixed: for white noise it lies between ½ log(1 + dC), all signal along one direction,
and (d/2) log(1 + C), signal in all directions alike; the source's log(1 + C) (§13.1) is neither.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import EstimatorError
from sdesim.estimate import AnyEstimate, Estimate
from sdesim.estimators.core.places import Number, given
from sdesim.kinds.spelling import short

Array = NDArray[np.float64]
METHODS = ("isotropic", "rank-one", "literal")


def gradient_information(c: Number, dim: float, method: str = "isotropic") -> AnyEstimate:
    """Mutual information of one gradient with μ at a given C, in nats.

    Args:
        c: C, a number or (...,), with or without interval; a negative one counts as 0.
        dim: d, or the effective dimension of the noise.
        method: "isotropic", (d/2) log(1 + C), the most at this C in white noise; "rank-one",
            ½ log(1 + dC), the least; "literal", log(1 + C) (§13.1).

    Returns:
        Estimate (...,); details `rank_one` and `isotropic`, the bounds.

    Raises:
        EstimatorError: unknown method, dim < 1.
    """
    if dim < 1:
        raise EstimatorError(f"dim must be at least 1, got {dim}")
    forms: dict[str, Callable[[Array], Any]] = {
        "isotropic": lambda x: 0.5 * dim * np.log1p(np.maximum(x, 0.0)),
        "rank-one": lambda x: 0.5 * np.log1p(dim * np.maximum(x, 0.0)),
        "literal": lambda x: np.log1p(np.maximum(x, 0.0)),
    }
    if method not in forms:
        raise EstimatorError(f"method must be one of {', '.join(METHODS)}, got {short(method)}")
    e = given(c)
    bounds = {
        name: e.mapped(forms[form]).value for name, form in (("rank_one", "rank-one"), ("isotropic",) * 2)
    }
    return replace(e.mapped(forms[method], method=method), details=bounds)


def channel_information(signal: ArrayLike, noise: ArrayLike) -> Estimate:
    """I(g; μ) = ½ log det(I + PΣ⁻¹) for μ ~ N(0, P) and g = μ + ε, ε ~ N(0, Σ), exactly, in nats.

    Args:
        signal: P, (d, d) positive semidefinite. noise: Σ, (d, d) positive definite.

    Raises:
        EstimatorError: shapes that differ, Σ not positive definite, P not positive semidefinite.
    """
    p, s = np.asarray(signal, dtype=np.float64), np.asarray(noise, dtype=np.float64)
    if p.ndim != 2 or p.shape[0] != p.shape[1] or p.shape != s.shape:
        raise EstimatorError(f"signal and noise must both be (d, d), got {p.shape} and {s.shape}")
    value = _half_log_det(p, s)
    return Estimate(value, math.nan, math.nan, 0.95, "exact", 1, ("no_interval",))


def _half_log_det(signal: Array, noise: Array) -> float:
    """½ Σ log(1 + λ) over the eigenvalues λ of the pencil (P, Σ)."""
    from scipy.linalg import LinAlgError, eigh

    try:
        values = eigh(signal, noise, eigvals_only=True)
    except LinAlgError as error:
        raise EstimatorError("the noise covariance must be positive definite") from error
    if values[0] < -1e-9 * max(float(values[-1]), 1.0):
        raise EstimatorError("the signal covariance must be positive semidefinite")
    return 0.5 * float(np.log1p(np.maximum(values, 0.0)).sum())


def channel_information_bound(means: ArrayLike, gradients: ArrayLike) -> Estimate:
    """Lower bound of I(g; μ) from m signals and n gradients, of rank below n, never with a (d, d) matrix.

    Both are projected on the span of the m signals (a projection of g tells no more than g), where
    I = ½ log det(I + P_V Σ_V⁻¹) with P_V = Σ mmᵀ/m and the sample covariance of the gradients. Where the
    span has no more than n/4 directions; of a larger one, the n//4 in which the signals are largest
    (flag `rank_limited`), so that Σ̂_V has its inverse.

    Args:
        means: draws of the signal μ, (m, d), known without noise. gradients: at one θ, (n ≥ 8, d).

    Raises:
        EstimatorError: shapes that don't fit, signals that are all 0, gradients without noise in their span.
    """
    m, g = np.asarray(means, dtype=np.float64), np.asarray(gradients, dtype=np.float64)
    if m.ndim != 2 or g.ndim != 2 or m.shape[1] != g.shape[1]:
        raise EstimatorError(f"means and gradients must be (m, d) and (n, d), got {m.shape} and {g.shape}")
    n = len(g)
    if n < 8:
        raise EstimatorError(f"at least 8 gradients are needed, got {n}")
    # Principal directions of the signals from their (m, m) Gram matrix.
    values, vectors = np.linalg.eigh(m @ m.T)
    if values[-1] <= 0:
        raise EstimatorError("the signals are all 0")
    rank = int(np.sum(values > 1e-12 * values[-1]))
    kept = min(rank, n // 4)
    top = slice(len(values) - kept, None)
    basis = (vectors[:, top].T @ m) / np.sqrt(values[top])[:, None]
    projected = g @ basis.T
    e = projected - projected.mean(axis=0)
    # E Σ̂⁻¹ = (n−1)/(n−k−2) Σ⁻¹ for Gaussian rows.
    covariance = e.T @ e / (n - kept - 2)
    value = _half_log_det(np.diag(values[top]) / len(m), covariance)
    flags = ("rank_limited", "no_interval") if kept < rank else ("no_interval",)
    return Estimate(value, math.nan, math.nan, 0.95, "projected", n, flags, {"rank": float(kept)})
