"""Drift of the loss along the SDE (generator), and the largest Lyapunov exponent.

Corrected: ℒV = −|∇L|² + Tr(D ∇²L) + J for V = L − L* (Itô). Literal (§7.3): −|μ|² + Tr D, which
drops the Hessian and so adds quantities of different units.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from sdesim.errors import EstimatorError
from sdesim.estimators._estimate import Estimate


def lyapunov_drift(
    grad: ArrayLike | None, diffusion_trace: float, method: str = "generator",
    hessian_diffusion_trace: float | None = None, jump: float | None = None,
    grad_norm2: float | Estimate | None = None,
) -> Estimate:  # fmt: skip
    """Expected rate of change of the loss.

    Args:
        grad: mean gradient ∇L, shape (d,); or None with `grad_norm2` = |∇L|² given instead.
        diffusion_trace: Tr D (used by "literal" as given).
        method: "generator": −|∇L|² + Tr(D H) + J; "literal": −|μ|² + Tr D, flag `units`.
        hessian_diffusion_trace: Tr(D H), needed by "generator".
        jump: J, the jump part; None is 0, +inf (α-stable noise, V of quadratic growth) is flagged
            `jump_infinite`.
        grad_norm2: |∇L|²; an Estimate passes its interval on.

    Raises:
        EstimatorError: unknown method; generator without hessian_diffusion_trace; no gradient.
    """
    if method not in ("generator", "literal"):
        raise EstimatorError(f"method must be 'generator' or 'literal', got {method!r}")
    if grad_norm2 is None:
        if grad is None:
            raise EstimatorError("give grad, shape (d,), or grad_norm2 = |grad|^2")
        g = np.asarray(grad, dtype=np.float64)
        grad_norm2 = float(g.ravel() @ g.ravel())
    signal = (
        grad_norm2
        if isinstance(grad_norm2, Estimate)
        else Estimate(float(grad_norm2), math.nan, math.nan, 0.95, "given", 1)
    )
    flags = list(signal.flags)
    if method == "literal":
        other = float(diffusion_trace)
        flags.append("units")
    else:
        if hessian_diffusion_trace is None:
            raise EstimatorError("the generator needs hessian_diffusion_trace = Tr(D H)")
        other = float(hessian_diffusion_trace) + (0.0 if jump is None else float(jump))
        if jump is not None and math.isinf(jump):
            flags.append("jump_infinite")
    if math.isnan(signal.low):
        flags.append("no_interval")
    return Estimate(
        other - signal.value,
        other - signal.high,
        other - signal.low,
        signal.level,
        method,
        signal.n,
        tuple(flags),
    )


def jump_term_truncated(alpha: float, scale: float, radius: float, hessian_trace: float) -> float:
    """J = ½ M₂ Tr H for symmetric α-stable jumps cut at |y| < R, M₂ = 2c R^{2−α}/(2−α).

    c = σ^α Γ(1+α) sin(πα/2)/π per coordinate; exact for quadratic V.

    Raises:
        EstimatorError: α outside (0, 2), scale or radius not positive.
    """
    if not 0 < alpha < 2:
        raise EstimatorError(f"alpha must be in (0, 2), got {alpha}")
    if not (scale > 0 and radius > 0):
        raise EstimatorError(f"scale and radius must be positive, got {scale} and {radius}")
    c = scale**alpha * math.gamma(1 + alpha) * math.sin(math.pi * alpha / 2) / math.pi
    return float(0.5 * hessian_trace * 2 * c * radius ** (2 - alpha) / (2 - alpha))


def lyapunov_exponent(tangent_growth: ArrayLike, times: ArrayLike, level: float = 0.95) -> Estimate:
    """Largest exponent of the tangent dynamics by Benettin's method.

    Args:
        tangent_growth: (n,) log growth of the tangent vector over each interval that ends at times[i+1].
        times: (n+1,) increasing; the unit of time sets the unit 1/time of the exponent.
        level: coverage of the interval, Student t over at most 20 blocks of consecutive intervals.

    Raises:
        EstimatorError: shapes that don't fit.
    """
    growth = np.asarray(tangent_growth, dtype=np.float64)
    t = np.asarray(times, dtype=np.float64)
    if growth.ndim != 1 or t.shape != (len(growth) + 1,):
        raise EstimatorError(f"tangent_growth (n,) needs times (n+1,), got {growth.shape} and {t.shape}")
    if len(growth) == 0:
        raise EstimatorError("tangent_growth must hold at least one interval")
    durations = np.diff(t)
    if not np.all(durations > 0):
        raise EstimatorError("times must increase")
    value = float(growth.sum() / durations.sum())
    blocks = min(20, len(growth) // 2)
    if blocks < 2:
        return Estimate(
            value, math.nan, math.nan, level, "benettin", len(growth), ("too_few_samples", "no_interval")
        )
    from scipy.special import stdtrit

    rates = np.array(
        [
            g.sum() / d.sum()
            for g, d in zip(np.array_split(growth, blocks), np.array_split(durations, blocks), strict=True)
        ]
    )
    half = float(stdtrit(blocks - 1, 0.5 + level / 2)) * float(rates.std(ddof=1)) / math.sqrt(blocks)
    return Estimate(value, value - half, value + half, level, "benettin", len(growth))
