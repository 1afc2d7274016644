"""The S1 location of a fit made in S0: δ₁ = δ₀ − β σ tan(πα/2), at α = 1 δ₀ − (2/π) β σ log σ."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sdesim.stable.fitting.likelihood import ALPHA, BETA, HIGH, LOC, LOW, SCALE

Array = NDArray[np.float64]
# Standard errors of α from its pole at 1 within which the location's interval is that of draws.
_FAR = 8.0
_DRAWS = 4096


def s1_location(theta: Array) -> Array:
    """δ₁ of θ = (α, β, log σ, δ₀) (..., 4)."""
    alpha, beta, sigma = theta[..., ALPHA], theta[..., BETA], np.exp(theta[..., SCALE])
    cauchy = alpha == 1.0
    gap = np.where(cauchy, 1.0, 1.0 - alpha)
    # tan(πα/2) = cot(πε/2), 0 at α = 2.
    tangent = np.where(alpha == 2.0, 0.0, 1.0 / np.tan(0.5 * math.pi * gap))
    bend = np.where(cauchy, (2.0 / math.pi) * theta[..., SCALE], tangent)
    return np.asarray(theta[..., LOC] - beta * sigma * bend)


def s1_interval(
    theta: Array, covariance: Array, interval: tuple[float, float], z: float
) -> tuple[Array, float, float]:
    """∂δ₁/∂θ (4,) and the ends of δ₁'s interval.

    Args:
        covariance: (4, 4) of θ, NaN where a parameter is not free.
        interval: of the S0 location, which serves where β has no part.
        z: normal quantile of the level.
    """
    alpha, beta, sigma = float(theta[ALPHA]), float(theta[BETA]), math.exp(theta[SCALE])
    value = float(s1_location(theta))
    known = np.nan_to_num(covariance)
    if alpha == 2.0:
        return np.array([0.0, 0.0, 0.0, 1.0]), *interval
    if alpha == 1.0:
        bend = (2.0 / math.pi) * float(theta[SCALE])
        slope = np.array([np.nan, -sigma * bend, -beta * sigma * (bend + 2.0 / math.pi), 1.0])
    else:
        bend = 1.0 / math.tan(0.5 * math.pi * (1.0 - alpha))
        turn = 0.5 * math.pi * (1.0 + bend * bend)
        slope = np.array([-beta * sigma * turn, -sigma * bend, -beta * sigma * bend, 1.0])
    if abs(alpha - 1.0) > _FAR * math.sqrt(known[ALPHA, ALPHA]):
        half = z * math.sqrt(max(float(slope @ known @ slope), 0.0))
        return slope, value - half, value + half
    values, vectors = np.linalg.eigh(known)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    normal = np.random.default_rng(0).standard_normal((_DRAWS // 2, 4)) @ root.T
    drawn = np.clip(theta + np.concatenate([normal, -normal]), LOW, HIGH)
    share = 0.5 * math.erfc(z / math.sqrt(2.0))
    low, high = np.quantile(s1_location(drawn), [share, 1.0 - share])
    return slope, min(float(low), value), max(float(high), value)
