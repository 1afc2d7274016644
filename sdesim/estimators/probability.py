"""What can be read from C: p, odds, direction probability, power, phase, information.

The exact meaning of p = C/(1+C) is the coherence E⟨g, g′⟩/E|g|² of two independent gradients; the
source's other readings (§4, §13) are kept as `literal` beside the corrected ones.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from sdesim.errors import EstimatorError
from sdesim.estimators._estimate import Estimate


def _given(value: float | Estimate, method: str = "given") -> Estimate:
    if isinstance(value, Estimate):
        return value
    return Estimate(float(value), math.nan, math.nan, 0.95, method, 1, ("no_interval",))


def _p(c: float) -> float:
    if math.isinf(c):
        return 1.0
    return c / (1 + c) if c != -1 else -math.inf


def probability(c: float | Estimate) -> Estimate:
    """p = C/(1+C), a monotone map of C (for C > −1) and of its interval (§4.1)."""
    e = _given(c)
    return Estimate(_p(e.value), _p(e.low), _p(e.high), e.level, e.method, e.n, e.flags)


def odds(p: float | Estimate) -> Estimate:
    """p/(1−p), which is C again (§4.2).

    Raises:
        EstimatorError: p > 1.
    """
    e = _given(p)
    if e.value > 1:
        raise EstimatorError(f"p must be at most 1, got {e.value}")

    def back(x: float) -> float:
        return math.inf if x >= 1 else x / (1 - x)

    return Estimate(back(e.value), back(e.low), back(e.high), e.level, e.method, e.n, e.flags)


def direction_probability(c: float | Estimate, dim: int, method: str = "isotropic") -> Estimate:
    """P(g·μ > 0): Φ(√(dC)) for isotropic Gaussian noise, or the source's Φ(√C) (literal, §4.1).

    A negative (debiased) C counts as 0.

    Raises:
        EstimatorError: unknown method, dim < 1.
    """
    if method not in ("isotropic", "literal"):
        raise EstimatorError(f"method must be 'isotropic' or 'literal', got {method!r}")
    if dim < 1:
        raise EstimatorError(f"dim must be at least 1, got {dim}")
    factor = dim if method == "isotropic" else 1
    e = _given(c)

    def phi(x: float) -> float:
        return math.nan if math.isnan(x) else float(ndtr(math.sqrt(factor * max(x, 0.0))))

    return Estimate(phi(e.value), phi(e.low), phi(e.high), e.level, method, e.n, e.flags)


def learning_acceleration(p: float | Estimate, method: str = "corrected", reference: float = 0.5) -> Estimate:
    """How much faster loss contracts at p than at `reference`.

    corrected: log(1+C)/log(1+C_ref), the ratio of best log-loss contractions per step on an isotropic
    quadratic, where 1+C = 1/(1−p); literal: the odds p/(1−p) (§4.2).
    """
    e = _given(p)
    if method == "literal":
        return odds(e)
    if method != "corrected":
        raise EstimatorError(f"method must be 'corrected' or 'literal', got {method!r}")

    def rate(x: float) -> float:
        return math.inf if x >= 1 else math.log1p(-x) / math.log1p(-reference)

    return Estimate(rate(e.value), rate(e.low), rate(e.high), e.level, method, e.n, e.flags)


def detection_power(c: float | Estimate, dim: int, level: float = 0.05) -> Estimate:
    """Power Φ(√(dC) − z_{1−level}) of the one-sided test for the direction μ in white noise."""
    e = _given(c)
    z = float(ndtri(1 - level))

    def power(x: float) -> float:
        return math.nan if math.isnan(x) else float(ndtr(math.sqrt(dim * max(x, 0.0)) - z))

    return Estimate(power(e.value), power(e.low), power(e.high), e.level, "white-noise", e.n, e.flags)


def mahalanobis_snr(gradients: ArrayLike) -> Estimate:
    """μᵀΣ⁻¹μ, invariant under every linear map; Hotelling's small-sample correction applied.

    With S the sample covariance of n rows, E[ḡᵀS⁻¹ḡ] = (n−1)/(n−d−2)·(μᵀΣ⁻¹μ + d/n). When n ≤ d + 2
    it is restricted to the (n−2)//2 top principal directions, flag `rank_limited`.

    Raises:
        EstimatorError: not (n, d) with n ≥ 6.
    """
    g = np.asarray(gradients, dtype=np.float64)
    if g.ndim != 2 or len(g) < 6:
        raise EstimatorError(f"gradients must have shape (n ≥ 6, d), got {g.shape}")
    n, d = g.shape
    mean = g.mean(axis=0)
    flags: tuple[str, ...] = ("no_interval",)
    _, s, vt = np.linalg.svd(g - mean, full_matrices=False)
    k = d
    if n <= d + 2:
        k = (n - 2) // 2
        flags = (*flags, "rank_limited")
    variances = s[:k] ** 2 / (n - 1)
    if np.any(variances <= 0):
        return Estimate(math.inf, math.nan, math.nan, 0.95, "hotelling", n, (*flags, "zero_noise"))
    raw = float(np.sum((vt[:k] @ mean) ** 2 / variances))
    return Estimate(raw * (n - k - 2) / (n - 1) - k / n, math.nan, math.nan, 0.95, "hotelling", n, flags)


def pl_constant(grad_norm2: ArrayLike, loss: ArrayLike, minimum: float | None) -> Estimate:
    """Polyak–Łojasiewicz constant |∇L|²/(2(L − L*)), the smallest over the given points.

    With `minimum=None` the lowest loss seen stands for L*, flag `minimum_unknown`.
    """
    g2 = np.atleast_1d(np.asarray(grad_norm2, dtype=np.float64))
    values = np.atleast_1d(np.asarray(loss, dtype=np.float64))
    flags = ["no_interval"]
    if minimum is None:
        minimum = float(values.min())
        flags.append("minimum_unknown")
    gap = values - minimum
    usable = gap > 0
    if not usable.any():
        return Estimate(
            math.nan, math.nan, math.nan, 0.95, "windowed-minimum", len(values), (*flags, "interpolated")
        )
    return Estimate(
        float(np.min(g2[usable] / (2 * gap[usable]))), math.nan, math.nan, 0.95, "windowed-minimum",
        int(usable.sum()), tuple(flags),
    )  # fmt: skip


def phase(
    c: float | Estimate, low: float | None = None, high: float | None = None, threshold: float = 1.0
) -> str:
    """Where C stands against `threshold` (C* by default in runs, 1 in the source, §5).

    "generalization" when the whole interval lies above it, "exploration" when below, "transition" when
    the interval spans it, "undefined" when C is NaN. Without an interval the value decides.
    """
    if isinstance(c, Estimate):
        low, high, value = c.low, c.high, c.value
    else:
        value = float(c)
    if math.isnan(value) or math.isnan(threshold):
        return "undefined"
    lo = value if low is None or math.isnan(low) else low
    hi = value if high is None or math.isnan(high) else high
    if lo > threshold:
        return "generalization"
    if hi < threshold:
        return "exploration"
    return "transition"


def gradient_information(c: float, dim: int, method: str = "isotropic") -> float:
    """Mutual information of one gradient with μ, in nats: literal log(1+C) (§13.1), isotropic
    (d/2)·log(1+C), rank-one ½·log(1+dC): the bounds for white noise at fixed C."""
    forms = {
        "isotropic": 0.5 * dim * math.log1p(c),
        "rank-one": 0.5 * math.log1p(dim * c),
        "literal": math.log1p(c),
    }
    if method not in forms:
        raise EstimatorError(f"method must be one of {', '.join(forms)}, got {method!r}")
    return forms[method]
