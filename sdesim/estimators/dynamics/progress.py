"""Progress of a training, measured on pairs and without a Hessian: E ΔL over one step, and C* from gradients.

The trapezoid rule along the step u = θ_{t+1} − θ_t gives E ΔL ≈ ½ E u·(∇L(θ_t) + ∇L(θ_{t+1})), exact where
the loss is quadratic; what is left is −¹⁄₁₂ ∂³L[u,u,u], and ¹⁄₆ of it in the second-order formula, so that
the two agree to 1–3% for ηλ ≤ 0.5. For SGD, u = −ηg, with M for |μ|² and s = E g_t·g_{t+1}:

    E ΔL = −η(M + s)/2,   C* = (M − s)/(2 Tr Σ),   C > C* ⟺ M + s > 0.

s is not an estimate of |μ|²: it is low by η(μᵀHμ + Tr HΣ). With a batch outside the step (a spare one) E u·g
is free of the bias Tr Cov(u, g) that the step's own gradient has, for any optimizer.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate
from sdesim.estimators.core.samples import require_finite

Array = NDArray[np.float64]
_BLOCKS = 20


def mean_change(changes: ArrayLike, level: float = 0.95) -> Estimate:
    """Mean of independent paired changes L_B′(θ_{t+1}) − L_B′(θ_t) (n,), with Student's interval.

    Details: `error`, the standard error. One change, or any that is not finite, has no interval.

    Raises:
        EstimatorError: no changes, or not a vector.
    """
    x = np.asarray(changes, dtype=np.float64)
    if x.ndim != 1 or not len(x):
        raise EstimatorError(f"changes must be a vector of at least one number, got shape {x.shape}")
    n, value = len(x), float(x.mean())
    if not np.isfinite(x).all():
        return Estimate(math.nan, math.nan, math.nan, level, "paired", n, ("nonfinite", "no_interval"),
                        {"error": math.nan})  # fmt: skip
    if n < 2:
        return Estimate(value, math.nan, math.nan, level, "paired", n, ("no_interval",), {"error": math.nan})
    error = float(x.std(ddof=1)) / math.sqrt(n)
    half = float(stdtrit(n - 1, 0.5 + level / 2)) * error
    return Estimate(value, value - half, value + half, level, "paired", n, (), {"error": error})


def critical_from_drops(
    drops: ArrayLike, noise: float, noise_error: float = 0.0, level: float = 0.95
) -> Estimate:
    """C* = E[g·(∇L(θ) − ∇L(θ − ηg))]/(2 Tr Σ), from virtual steps: M − s by pairs.

    Args:
        drops: g_i·(h_i(θ) − h_i(θ − ηg_i)) (n,), h_i the gradient of a batch independent of g_i, the same at
            both ends.
        noise: Tr Σ of g. noise_error: its standard error.

    Returns:
        Student's interval over the drops, with the error of Tr Σ by the delta method.

    Raises:
        EstimatorError: noise that is not positive.
    """
    if not noise > 0:
        raise EstimatorError(f"noise must be positive, got {noise}")
    mean = mean_change(drops, level)
    value = mean.value / (2 * noise)
    error = math.hypot(float(mean.details["error"]) / (2 * noise), value * noise_error / noise)
    half = float(stdtrit(max(mean.n - 1, 1), 0.5 + level / 2)) * error
    return Estimate(value, value - half, value + half, level, "trapezoid", mean.n, mean.flags)


def critical_from_gradients(
    gradients: ArrayLike, signal: ArrayLike, noise: ArrayLike, level: float = 0.95, blocks: int = _BLOCKS
) -> Estimate:
    """C* = (mean M − s)/(2 mean T) from the consecutive gradients of plain SGD.

    Args:
        gradients: g_t (n, d) of consecutive steps, of independent batches.
        signal: M, debiased |μ|² at each of them, a number or (n,); noise: T = Tr Σ likewise.
        blocks: of the block jackknife; of 25 to 50 steps each they cover nominal 95% in 0.94 to 0.95.

    Returns:
        Interval by Student's t over the blocks; details `drift`: E ΔL/η = −(M + s)/2.

    Raises:
        EstimatorError: fewer than two gradients, shapes that don't fit, noise not positive.
    """
    g = np.asarray(gradients, dtype=np.float64)
    if g.ndim != 2 or len(g) < 2:
        raise EstimatorError(f"gradients must be (n, d) with n of at least 2, got shape {g.shape}")
    pairs = np.einsum("ij,ij->i", g[:-1], g[1:])
    require_finite(gradients=g, signal=np.asarray(signal, float), noise=np.asarray(noise, float))
    m, t = (np.broadcast_to(np.asarray(x, dtype=np.float64), (len(g),))[:-1] for x in (signal, noise))
    if not float(t.mean()) > 0:
        raise EstimatorError("noise must be positive on average")
    half_gap = 0.5 * (m - pairs)
    value = float(half_gap.mean() / t.mean())
    details = {"drift": float(-0.5 * (m + pairs).mean())}
    parts = min(blocks, len(pairs))
    if parts < 2:
        return Estimate(
            value, math.nan, math.nan, level, "trapezoid", len(pairs), ("no_interval",), details
        )  # fmt: skip
    left = np.array([
        np.delete(half_gap, rows).mean() / np.delete(t, rows).mean()
        for rows in np.array_split(np.arange(len(pairs)), parts)
    ])  # fmt: skip
    error = math.sqrt((parts - 1) / parts * float(((left - left.mean()) ** 2).sum()))
    half = float(stdtrit(parts - 1, 0.5 + level / 2)) * error
    return Estimate(value, value - half, value + half, level, "trapezoid", len(pairs), (), details)


def trapezoid_progress(
    steps: ArrayLike, before: ArrayLike, after: ArrayLike, level: float = 0.95
) -> Estimate:
    """E ΔL ≈ ½ E u·(h(θ_t) + h(θ_{t+1})) over one step of any optimizer.

    Args:
        steps: u (n, d), independent of one another or the steps in a row.
        before, after: gradients h (n, d) at both ends of each, of a batch that had no part in the step.

    Returns:
        Student's interval over the steps, as of independent ones.

    Raises:
        EstimatorError: shapes that differ, or no steps.
    """
    u, h, k = (np.asarray(x, dtype=np.float64) for x in (steps, before, after))
    if u.ndim != 2 or u.shape != h.shape or u.shape != k.shape:
        raise EstimatorError(
            f"steps, before and after must all be (n, d), got {u.shape}, {h.shape} and {k.shape}"
        )
    found = mean_change(0.5 * np.einsum("ij,ij->i", u, h + k), level)
    return Estimate(found.value, found.low, found.high, level, "trapezoid", found.n, found.flags)
