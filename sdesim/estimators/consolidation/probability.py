"""What can be read from C: p, odds, direction probability, power, phase, information.

The exact meaning of p = C/(1+C) is the coherence E⟨g, g′⟩/E|g|² of two independent gradients; the
source's other readings (§4, §13) are kept as `literal` beside the corrected ones.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate
from sdesim.estimators.core.binomial import wilson
from sdesim.estimators.core.draws import check_level, draws_of_gradients, matrix, no_ratio, noise_flags
from sdesim.estimators.core.noncentral import noncentrality_interval


def _given(value: float | Estimate, method: str = "given") -> Estimate:
    if isinstance(value, Estimate):
        return value
    return Estimate(float(value), math.nan, math.nan, 0.95, method, 1, ("no_interval",))


def _p(c: float) -> float:
    if math.isnan(c):
        return math.nan
    if math.isinf(c):
        return 1.0 if c > 0 else -math.inf
    return c / (1 + c) if c > -1 else -math.inf


def probability(c: float | Estimate) -> Estimate:
    """p = C/(1+C), a monotone map of C and of its interval (§4.1); −∞ for C ≤ −1, which only ends of
    intervals reach."""
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


def direction_probability(
    c: float | Estimate | ArrayLike, dim: int | None = None, method: str = "isotropic", level: float = 0.95
) -> Estimate:
    """P(g·μ > 0), the probability that one gradient points along the mean one.

    Args:
        c: C, or gradients (n, d) for "measured". A negative (debiased) C counts as 0.
        dim: number of coordinates, for "isotropic".
        method: "isotropic", Φ(√(dC)) for white Gaussian noise; "literal", Φ(√C) (§4.1); "measured", the
            share of draws with gᵢ·ḡ₋ᵢ > 0 and Wilson's interval, for any noise.
        level: of Wilson's interval; the others carry that of C over.

    The direction ḡ₋ᵢ is itself noisy, cos²(ḡ₋ᵢ, μ) ≈ nC/(1 + nC), which draws the measured share towards ½:
    flag `noisy_direction` where that is below 0.95. Measured coverage of P(g·μ > 0) at 95%: 0.92 to 0.96
    where it is not raised, 0.61 to 0.91 where it is (nC from 0.2 to 10); there the interval is that of the
    share along the measured direction.

    Raises:
        EstimatorError: unknown method, dim < 1, gradients that are not (n ≥ 3, d).
    """
    if method == "measured":
        return _measured_direction(_gradients(c), level)
    if method not in ("isotropic", "literal"):
        raise EstimatorError(f"method must be 'isotropic', 'literal' or 'measured', got {method!r}")
    if method == "isotropic" and (dim is None or dim < 1):
        raise EstimatorError(f"dim must be at least 1, got {dim}")
    factor = dim if method == "isotropic" and dim is not None else 1
    if not isinstance(c, Estimate) and np.ndim(c) != 0:
        raise EstimatorError(f"C must be one number, got shape {np.shape(c)}; gradients go with 'measured'")
    e = c if isinstance(c, Estimate) else _given(float(np.asarray(c, dtype=np.float64)))

    def phi(x: float) -> float:
        return math.nan if math.isnan(x) else float(ndtr(math.sqrt(factor * max(x, 0.0))))

    return Estimate(phi(e.value), phi(e.low), phi(e.high), e.level, method, e.n, e.flags)


def _gradients(c: float | Estimate | ArrayLike) -> NDArray[np.floating]:
    if isinstance(c, Estimate):
        raise EstimatorError("method 'measured' needs gradients (n, d), got an Estimate")
    return matrix(c, rows=3)


def _measured_direction(g: NDArray[np.floating], level: float) -> Estimate:
    check_level(level)
    draws = draws_of_gradients(g)
    n, signal, trace = draws.n, float(draws.signal), float(draws.trace)
    flags = noise_flags(signal, trace, n)
    if (missing := no_ratio(flags, level, "measured", n)) is not None:
        value = 1.0 if missing.value > 0 else math.nan
        return Estimate(value, math.nan, math.nan, level, "measured", n, missing.flags)
    # gᵢ·ḡ₋ᵢ = gᵢ·(nḡ − gᵢ)/(n−1), with gᵢ = ḡ + eᵢ.
    norm2 = signal + 2 * draws.along + draws.deviation
    share = float(np.mean(n * (signal + draws.along) - norm2 > 0))
    low, high = (float(x) for x in wilson(share, n, level))
    # The mean of n − 1 draws has |μ|² of its |ḡ|² = |μ|² + T/n along μ.
    cosine2 = max(0.0, 1 - trace / (n * signal))
    flags += ["noisy_direction"] if cosine2 < 0.95 else []
    return Estimate(share, low, high, level, "measured", n, tuple(flags), {"cosine2": cosine2})


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
    """Power Φ(√(dC) − z_{1−level}) of the one-sided test for the direction μ in white noise.

    Raises:
        EstimatorError: dim < 1, level not in (0, 1).
    """
    check_level(level)
    if dim < 1:
        raise EstimatorError(f"dim must be at least 1, got {dim}")
    e = _given(c)
    z = float(ndtri(1 - level))

    def power(x: float) -> float:
        return math.nan if math.isnan(x) else float(ndtr(math.sqrt(dim * max(x, 0.0)) - z))

    return Estimate(power(e.value), power(e.low), power(e.high), e.level, "white-noise", e.n, e.flags)


def mahalanobis_snr(gradients: ArrayLike, level: float = 0.95) -> Estimate:
    """μᵀΣ⁻¹μ, invariant under every linear map; Hotelling's small-sample correction applied.

    With S the sample covariance of n rows, E[ḡᵀS⁻¹ḡ] = (n−1)/(n−d−2)·(μᵀΣ⁻¹μ + d/n), and
    n(n−d)/(d(n−1)) ḡᵀS⁻¹ḡ is noncentral F(d, n−d, n μᵀΣ⁻¹μ) for Gaussian rows: the interval is that law's,
    exact for them. When n ≤ d + 2 the value is restricted to the (n−2)//2 top principal directions of these
    rows, flag `rank_limited`, and has no interval.

    Raises:
        EstimatorError: not (n, d) with n ≥ 6, level not in (0, 1).
    """
    check_level(level)
    g = np.asarray(gradients, dtype=np.float64)
    if g.ndim != 2 or len(g) < 6:
        raise EstimatorError(f"gradients must have shape (n ≥ 6, d), got {g.shape}")
    n, d = g.shape
    mean = g.mean(axis=0)
    _, s, vt = np.linalg.svd(g - mean, full_matrices=False)
    limited = n <= d + 2
    k = (n - 2) // 2 if limited else d
    variances = s[:k] ** 2 / (n - 1)
    # Directions with no more than rounding of the largest carry no noise at all.
    if s[0] == 0.0 or variances[-1] <= (np.finfo(np.float64).eps * max(n, d)) ** 2 * variances[0]:
        return Estimate(math.inf, math.nan, math.nan, level, "hotelling", n, ("zero_noise", "no_interval"))
    raw = float(np.sum((vt[:k] @ mean) ** 2 / variances))
    value = raw * (n - k - 2) / (n - 1) - k / n
    flags = ("negative_signal",) if value < 0 else ()
    if limited:
        return Estimate(
            value, math.nan, math.nan, level, "hotelling", n, (*flags, "rank_limited", "no_interval")
        )
    low, high = noncentrality_interval(raw * n * (n - d) / (d * (n - 1)), d, n - d, level)
    return Estimate(value, low / n, high / n, level, "hotelling", n, flags)


def pl_constant(grad_norm2: ArrayLike, loss: ArrayLike, minimum: float | None, window: int = 1) -> Estimate:
    """Polyak–Łojasiewicz constant |∇L|²/(2(L − L*)), the smallest over the given points.

    Args:
        grad_norm2: |∇L|² along a path, debiased where it comes from noisy gradients; loss: L there, (n,).
        minimum: L*; with None the lowest loss seen stands for it, flag `minimum_unknown`.
        window: consecutive points averaged before the ratio is taken; the smallest of noisy ratios is
            biased downwards, and below 0 where a debiased |∇L|² is.

    Raises:
        EstimatorError: arrays that differ in length, a window of none or more than all points.
    """
    g2 = np.atleast_1d(np.asarray(grad_norm2, dtype=np.float64))
    values = np.atleast_1d(np.asarray(loss, dtype=np.float64))
    if g2.shape != values.shape or g2.ndim != 1:
        raise EstimatorError(f"grad_norm2 and loss must both be (n,), got {g2.shape} and {values.shape}")
    if not 1 <= window <= len(values):
        raise EstimatorError(f"window must be between 1 and {len(values)}, got {window}")
    flags = ["no_interval"]
    if minimum is None:
        minimum = float(values.min())
        flags.append("minimum_unknown")
    start = len(values) % window
    g2 = g2[start:].reshape(-1, window).mean(axis=1)
    gap = values[start:].reshape(-1, window).mean(axis=1) - minimum
    usable = gap > 0
    if not usable.any():
        return Estimate(
            math.nan, math.nan, math.nan, 0.95, "windowed-minimum", len(values), (*flags, "interpolated")
        )
    ratios = g2[usable] / (2 * gap[usable])
    return Estimate(
        float(ratios.min()), math.nan, math.nan, 0.95, "windowed-minimum", int(usable.sum()) * window,
        tuple(flags), {"median": float(np.median(ratios))},
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
