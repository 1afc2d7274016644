"""The jump part of the generator: moments of truncated and tempered jumps, and a Lyapunov function that
stable jumps leave finite.

The generator of dθ = −∇L dt + √(2D) dW + dζ adds to −∇L·∇V + Tr(D ∇²V) for each coordinate

    J = m ∂V + ∫ [V(θ + y) − V(θ) − y ∂V] ν(dy),   ν(dy) = c (1 ± β) |y|^{−1−α} dy,

with c = σ^α Γ(1+α) sin(πα/2)/π and m the mean of ζ per unit of time (units of θ/time). For V quadratic
J = m ∂V + ½ M₂ ∂²V, infinite for α < 2 unless large jumps are cut off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import EstimatorError
from sdesim.kinds.numbers import one_of
from sdesim.kinds.spelling import short

Array = NDArray[np.float64]


def _check_law(alpha: float, skew: float = 0.0) -> None:
    if not 0 < alpha < 2:
        raise EstimatorError(f"alpha must be in (0, 2), got {alpha}")
    if not -1 <= skew <= 1:
        raise EstimatorError(f"skew must be in [-1, 1], got {skew}")


def _intensity(alpha: float, scale: Array) -> Array:
    """c of each coordinate."""
    return np.asarray(scale**alpha * math.gamma(1 + alpha) * math.sin(math.pi * alpha / 2) / math.pi)


def jump_term_truncated(alpha: float, scale: float, radius: float, hessian_trace: float) -> float:
    """J = ½ M₂ Tr H for symmetric α-stable jumps cut at |y| < R, M₂ = 2c R^{2−α}/(2−α).

    c = σ^α Γ(1+α) sin(πα/2)/π per coordinate; exact for quadratic V.

    Raises:
        EstimatorError: α outside (0, 2), scale or radius not positive.
    """
    if not (scale > 0 and radius > 0):
        _check_law(alpha)
        raise EstimatorError(f"scale and radius must be positive, got {scale} and {radius}")
    moments = jump_moments(alpha, scale, truncation=radius, rule="reject")
    return 0.5 * hessian_trace * float(moments.second[0])


@dataclass(frozen=True)
class JumpMoments:
    """Per unit of time and coordinate: `mean` m and `second` M₂ of the jumps, (d,) or (1,) for all alike."""

    mean: Array
    second: Array


def jump_moments(
    alpha: float, scale: ArrayLike, skew: float = 0.0, truncation: float | None = None, rule: str = "clip",
    tempering: float | None = None,
) -> JumpMoments:  # fmt: skip
    """m and M₂ of independent coordinates driven as by `sdesim.noise.Stable` with the same arguments.

    Untouched: m = 0 for α > 1 (undefined, NaN, for α ≤ 1 unless symmetric), M₂ = ∞.
    Tempered by e^{−λ|y|}: M₂ = 2cΓ(2−α)λ^{α−2}; m = 2cβ Γ(1−α)λ^{α−1} for α < 1, −2cβ(1 + log λ) at
    α = 1, 0 above.
    Rejected beyond R: M₂ = 2cR^{2−α}/(2−α); m = 2cβ R^{1−α}/(1−α), 2cβ(log R − 1 + γ) at α = 1.
    Clipped to R: the mass beyond R, c(1 ± β)R^{−α}/α, adds jumps of ±R to both.
    Truncation is of ν here; the simulator cuts increments, which is the same for dt → 0.

    Args:
        alpha: α in (0, 2). scale: σ, a number or (d,), θ per time^{1/α}. skew: β.
        truncation: R, or None. rule: "clip" or "reject". tempering: λ, 1/θ, or None.

    Raises:
        EstimatorError: an argument out of its range, or both truncation and tempering.
    """
    _check_law(alpha, skew)
    sigma = np.atleast_1d(np.asarray(scale, dtype=np.float64))
    if sigma.ndim != 1 or not (sigma >= 0).all():
        raise EstimatorError(f"scale must be a number or (d,), and not negative, got {short(scale)}")
    one_of(rule, ("clip", "reject"), "rule", EstimatorError)
    for name, given in (("truncation", truncation), ("tempering", tempering)):
        if given is not None and not given > 0:
            raise EstimatorError(f"{name} must be positive, got {given}")
    if truncation is not None and tempering is not None:
        raise EstimatorError("give truncation or tempering, not both")
    both = 2 * _intensity(alpha, sigma)
    if tempering is not None:
        return JumpMoments(
            both * skew * _tempered_mean(alpha, tempering),
            both * (math.gamma(2 - alpha) * tempering ** (alpha - 2)),
        )
    if truncation is not None:
        radius = truncation
        mean = math.log(radius) - 1 + np.euler_gamma if alpha == 1 else radius ** (1 - alpha) / (1 - alpha)
        second = radius ** (2 - alpha) / (2 - alpha)
        if rule == "clip":
            mean += radius ** (1 - alpha) / alpha
            second += radius ** (2 - alpha) / alpha
        return JumpMoments(both * skew * mean, both * second)
    centred = alpha > 1 or skew == 0.0
    return JumpMoments(
        np.where(sigma > 0, 0.0 if centred else math.nan, 0.0), np.where(sigma > 0, math.inf, 0.0)
    )


def _tempered_mean(alpha: float, tempering: float) -> float:
    """Mean of a tempered law with c₊ = 1, c₋ = 0, located as S1 is."""
    if alpha > 1:
        return 0.0
    if alpha == 1:
        return -1 - math.log(tempering)
    return float(math.gamma(1 - alpha) * tempering ** (alpha - 1))


def jump_term(moments: JumpMoments, hessian_diagonal: ArrayLike, grad: ArrayLike | None = None) -> float:
    """J = Σ_i ½ M₂ᵢ H_ii + m·∇L, the jump part of `lyapunov_drift`; exact for quadratic L.

    +∞ where M₂ is infinite, whatever the local curvature: far jumps see the growth of L.

    Args:
        moments: of `jump_moments`.
        hessian_diagonal: H_ii (d,).
        grad: ∇L (d,), needed where the mean is not 0.

    Raises:
        EstimatorError: shapes that don't fit, a mean without grad.
    """
    h = np.asarray(hessian_diagonal, dtype=np.float64).ravel()
    if moments.second.size not in (1, h.size):
        raise EstimatorError(f"hessian_diagonal must be ({moments.second.size},), got shape {h.shape}")
    if np.isinf(moments.second).any():
        return math.inf
    j = 0.5 * float(np.sum(moments.second * h))
    if grad is None:
        if moments.mean.any():
            raise EstimatorError("skewed jumps have a mean: give grad, shape (d,)")
        return j
    g = np.asarray(grad, dtype=np.float64).ravel()
    if g.shape != h.shape:
        raise EstimatorError(f"grad must be ({h.size},), got shape {g.shape}")
    return j + float(np.sum(moments.mean * g))


def log_jump_term(theta: ArrayLike, alpha: float, scale: ArrayLike, skew: float = 0.0) -> float:
    """J of V = log(1 + |θ|²) under independent α-stable coordinates: finite for every α in (0, 2).

    In one dimension and without skew J = 2σ^α Γ(α) Re (1 − ix)^{−α} = 2σ^α Γ(α) cos(α atan x)/(1+x²)^{α/2},
    at α = 1 J = 2σ/(1+x²). It follows from log(1+x²) = 2∫₀^∞ (1 − cos ux) e^{−u} du/u, on whose waves the
    generator acts as ψ(u) = −(σu)^α (1 − iβ tan(πα/2)), at α = 1 −σu(1 + iβ(2/π) log u). With more
    coordinates coordinate i has 1 + |θ|² − θ_i² = A² in place of 1.

    Args:
        theta: θ, a number or (d,).
        alpha: α in (0, 2). scale: σ, a number or (d,). skew: β.

    Raises:
        EstimatorError: an argument out of its range.
    """
    _check_law(alpha, skew)
    x = np.atleast_1d(np.asarray(theta, dtype=np.float64))
    sigma = np.asarray(scale, dtype=np.float64)
    if x.ndim != 1 or sigma.shape not in ((), (1,), x.shape) or not (sigma >= 0).all():
        raise EstimatorError(f"scale must be a number or {x.shape}, and not negative, got {short(scale)}")
    a = np.sqrt(1 + x @ x - x**2)
    z = 1 - 1j * x / a
    if alpha == 1:
        phase = 1 + 2j * skew / math.pi * (-np.euler_gamma - np.log(z) - np.log(a))
    else:
        phase = np.full(x.shape, 1 - 1j * skew * math.tan(math.pi * alpha / 2))
    terms = 2 * math.gamma(alpha) * (sigma / a) ** alpha * (phase * z**-alpha).real
    return float(terms.sum())
