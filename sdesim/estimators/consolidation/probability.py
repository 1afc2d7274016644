"""What can be read from C: p, odds, direction probability, power, phase, information.

The exact meaning of p = C/(1+C) is the coherence E⟨g, g′⟩/E|g|² of two independent gradients; the
source's other readings (§4, §13) are kept as `literal` beside the corrected ones.
"""

from __future__ import annotations

import math
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from sdesim.errors import EstimatorError
from sdesim.estimate import AnyEstimate, ArrayEstimate, Estimate
from sdesim.estimators.consolidation.reduced import direction_share
from sdesim.estimators.core.draws import check_level, draws_of_gradients, matrix, noise_masks
from sdesim.estimators.core.noncentral import noncentrality_interval
from sdesim.estimators.core.places import Number, each, given, made
from sdesim.estimators.core.samples import DROPPED
from sdesim.kinds.numbers import one_of
from sdesim.kinds.spelling import short

Array = NDArray[np.float64]
PHASES = np.array(["undefined", "exploration", "transition", "generalization"])


def _share(c: Array) -> Array:
    p = np.where(np.isposinf(c), 1.0, c / (1 + c))
    return np.where(c <= -1, -np.inf, p)


def _odds(p: Array) -> Array:
    return np.where(p >= 1, np.inf, p / (1 - p))


def _along(c: Array, factor: float, shift: float = 0.0) -> Array:
    return np.asarray(ndtr(np.sqrt(factor * np.maximum(c, 0.0)) - shift))


def probability(c: Number) -> AnyEstimate:
    """p = C/(1+C), a monotone map of C and of its interval (§4.1); −∞ for C ≤ −1, which only ends of
    intervals reach.

    Args:
        c: C, a number or (...,), with or without an interval.
    """
    return given(c).mapped(_share)


def odds(p: Number) -> AnyEstimate:
    """p/(1−p), which is C again (§4.2).

    Args:
        p: a number or (...,), with or without an interval.

    Raises:
        EstimatorError: p > 1.
    """
    e = given(p)
    if np.any(np.asarray(e.value) > 1):
        raise EstimatorError(f"p must be at most 1, got {np.nanmax(e.value)}")
    return e.mapped(_odds)


def direction_probability(
    c: Number, dim: int | None = None, method: str = "isotropic", level: float = 0.95
) -> AnyEstimate:
    """P(g·μ > 0), the probability that one gradient points along the mean one.

    Args:
        c: C, a number or an Estimate (...,); for "measured" gradients (n, d) or (..., n, d). A negative
            (debiased) C counts as 0.
        dim: number of coordinates, for "isotropic".
        method: "isotropic", Φ(√(dC)) for white Gaussian noise; "literal", Φ(√C) (§4.1); "measured", the
            share of draws with gᵢ·ḡ₋ᵢ > 0 and Wilson's interval, for any noise (`direction_share`).
        level: of Wilson's interval; the others carry that of C over.

    The direction ḡ₋ᵢ is itself noisy, cos²(ḡ₋ᵢ, μ) ≈ nC/(1 + nC), which draws the measured share towards ½:
    flag `noisy_direction` where that is below 0.95. Measured coverage of P(g·μ > 0) at 95%: 0.92 to 0.96
    where it is not raised, 0.61 to 0.91 where it is (nC from 0.2 to 10); there the interval is that of the
    share along the measured direction.

    Raises:
        EstimatorError: unknown method, dim < 1, gradients not (..., n ≥ 3, d) or without "measured".
    """
    if method == "measured":
        return _measured_direction(_gradients(c), level)
    one_of(method, ("isotropic", "literal"), "method", EstimatorError)
    if method == "isotropic" and (dim is None or dim < 1):
        raise EstimatorError(f"dim must be at least 1, got {dim}")
    factor = dim if method == "isotropic" and dim is not None else 1
    # A bare array is too easily one of gradients.
    if not isinstance(c, Estimate) and np.ndim(c) != 0:
        raise EstimatorError(
            f"C must be a number or an Estimate, got shape {np.shape(c)}; gradients go with 'measured'"
        )
    return given(c).mapped(lambda x: _along(x, factor), method=method)


def _gradients(c: Number) -> NDArray[np.floating]:
    if isinstance(c, Estimate):
        raise EstimatorError("method 'measured' needs gradients (n, d), got an Estimate")
    return matrix(c, rows=3, leading=True)


def _measured_direction(g: NDArray[np.floating], level: float) -> AnyEstimate:
    check_level(level)
    draws = draws_of_gradients(g)
    n, signal = draws.n, np.asarray(draws.signal)
    masks = noise_masks(signal, draws.trace, n)
    # gᵢ = ḡ + eᵢ.
    dot = signal[..., None] + draws.along
    found = direction_share(dot + draws.along + draws.deviation, dot, level)
    unknown = masks["interpolated"] | masks["nonfinite"]
    none = unknown | masks["zero_noise"]
    value = np.where(unknown, np.nan, np.where(masks["zero_noise"], 1.0, found.value))
    low, high = (np.where(none, np.nan, x) for x in (found.low, found.high))
    # The mean of n − 1 draws has |μ|² of its |ḡ|² = |μ|² + T/n along μ.
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine2 = np.maximum(0.0, 1 - draws.trace / (n * signal))
    masks |= {"noisy_direction": ~none & (cosine2 < 0.95), "no_interval": none}
    details = {"cosine2": cosine2} if signal.ndim or not none else {}
    return made(value, low, high, level, "measured", np.broadcast_to(n, signal.shape), masks, details)


def learning_acceleration(p: Number, method: str = "corrected", reference: float = 0.5) -> AnyEstimate:
    """How much faster loss contracts at p, a number or (...,), than at `reference`.

    corrected: log(1+C)/log(1+C_ref), the ratio of best log-loss contractions per step on an isotropic
    quadratic, where 1+C = 1/(1−p); literal: the odds p/(1−p) (§4.2).
    """
    if method == "literal":
        return odds(p)
    if method != "corrected":
        raise EstimatorError(f"method must be 'corrected' or 'literal', got {short(method)}")
    unit = math.log1p(-reference)
    return given(p).mapped(lambda x: np.where(x >= 1, np.inf, np.log1p(-np.minimum(x, 1.0)) / unit))


def detection_power(c: Number, dim: int, level: float = 0.05) -> AnyEstimate:
    """Power Φ(√(dC) − z_{1−level}) of the one-sided test for the direction μ in white noise, C a number or
    (...,).

    Raises:
        EstimatorError: dim < 1, level not in (0, 1).
    """
    check_level(level)
    if dim < 1:
        raise EstimatorError(f"dim must be at least 1, got {dim}")
    z = float(ndtri(1 - level))
    return given(c).mapped(lambda x: _along(x, dim, z), method="white-noise")


def mahalanobis_snr(gradients: ArrayLike, level: float = 0.95) -> AnyEstimate:
    """μᵀΣ⁻¹μ of gradients (n, d) or (..., n, d), invariant under every linear map; Hotelling's small-sample
    correction applied.

    With S the sample covariance of n rows, E[ḡᵀS⁻¹ḡ] = (n−1)/(n−d−2)·(μᵀΣ⁻¹μ + d/n), and
    n(n−d)/(d(n−1)) ḡᵀS⁻¹ḡ is noncentral F(d, n−d, n μᵀΣ⁻¹μ) for Gaussian rows: the interval is that law's,
    exact for them. When n ≤ d + 2 the value is restricted to the (n−2)//2 top principal directions of these
    rows, flag `rank_limited`, and has no interval.

    Raises:
        EstimatorError: not (..., n, d) with n ≥ 6, level not in (0, 1).
    """
    check_level(level)
    g = np.asarray(gradients, dtype=np.float64)
    if g.ndim < 2 or g.shape[-2] < 6:
        raise EstimatorError(f"gradients must have shape (..., n ≥ 6, d), got {g.shape}")
    return each(g, 2, lambda one: _hotelling(one, level))


def _hotelling(g: Array, level: float) -> Estimate:
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
            biased downwards, and below 0 where a debiased |∇L|² is. Points with NaN or infinite values are
            left out, flag `nonfinite_dropped`.

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
        minimum = float(values[np.isfinite(values)].min(initial=math.inf))
        flags.append("minimum_unknown")
    if not (np.isfinite(g2).all() and np.isfinite(values).all()):
        flags.append(DROPPED)
    start = len(values) % window
    g2 = g2[start:].reshape(-1, window).mean(axis=1)
    gap = values[start:].reshape(-1, window).mean(axis=1) - minimum
    usable = (gap > 0) & np.isfinite(gap) & np.isfinite(g2)
    if not usable.any():
        return Estimate(
            math.nan, math.nan, math.nan, 0.95, "windowed-minimum", len(values), (*flags, "interpolated")
        )
    ratios = g2[usable] / (2 * gap[usable])
    return Estimate(
        float(ratios.min()), math.nan, math.nan, 0.95, "windowed-minimum", int(usable.sum()) * window,
        tuple(flags), {"median": float(np.median(ratios))},
    )  # fmt: skip


@overload
def phase(
    c: float | Estimate, low: float | None = None, high: float | None = None,
    threshold: float | Estimate = 1.0,
) -> str: ...  # fmt: skip
@overload
def phase(
    c: Array | ArrayEstimate | AnyEstimate, low: ArrayLike | None = None, high: ArrayLike | None = None,
    threshold: Number = 1.0,
) -> NDArray[np.str_]: ...  # fmt: skip
def phase(
    c: Number, low: ArrayLike | None = None, high: ArrayLike | None = None, threshold: Number = 1.0
) -> str | NDArray[np.str_]:
    """Where C stands against `threshold` (C* by default in runs, 1 in the source, §5).

    "generalization" when the whole interval lies above it, "exploration" when below, "transition" when
    the interval spans it, "undefined" when C is NaN. Without an interval the value decides. A threshold with
    an interval of its own counts with all of it.

    Args:
        c: C; low, high: its interval, unless it is an Estimate; threshold: each a number or (...,).

    Returns:
        One word, or an array (...,) of them.
    """
    e, bar = given(c), given(threshold)
    ends = (e.low, e.high) if isinstance(c, Estimate) else (low, high)
    value, limit = np.broadcast_arrays(np.asarray(e.value, float), np.asarray(bar.value, float))
    lowest, highest = (_or_value(x, value) for x in ends)
    below, above = (_or_value(x, limit) for x in (bar.low, bar.high))
    code = np.where(lowest > above, 3, np.where(highest < below, 1, 2))
    code = np.where(np.isnan(value) | np.isnan(limit), 0, code)
    return str(PHASES[int(code)]) if code.ndim == 0 else np.asarray(PHASES[code])


def _or_value(end: ArrayLike | None, value: Array) -> Array:
    """The end of an interval, and the value where there is none."""
    if end is None:
        return value
    x = np.asarray(end, dtype=np.float64)
    return np.where(np.isnan(x), value, x)
