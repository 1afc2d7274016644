"""Four parameters from the empirical characteristic function, by generalised least squares.

φ_n(u) = mean e^{iux} at a few u stands against φ(u) of S0, in the metric of its own covariance,

    n Cov(cos ux, cos vx) = ½ Re[φ(u − v) + φ(u + v)] − Re φ(u) Re φ(v), and so on,

taken at the estimate before. The covariance of the estimates is (Gᵀ V⁻¹ G)⁻¹/n with G = ∂φ/∂θ.

Source: I. Koutrouvelis, "Regression-type estimation of the parameters of stable laws", JASA 75 (1980);
A. Feuerverger, P. McDunnough, "On the efficiency of empirical characteristic function procedures", JRSS B 43
(1981), for the metric.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sdesim.stable.fitting.likelihood import ALPHA, BETA, HIGH, LOC, LOW, SCALE

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

# In units of 1/σ.
FREQUENCIES = np.array([0.1, 0.25, 0.45, 0.7, 1.0, 1.35, 1.75, 2.2])
_ROUNDS = 4
_STEP = 1e-5
# Directions in which the waves hardly differ are left out.
_LEAST = 1e-9


def characteristic(u: Array, theta: Array) -> Complex:
    """φ(u) of S0: log φ = −v^α + i (δ u − β tan(πα/2)(v − v^α)), v = σ u ≥ 0; continuous through α = 1."""
    alpha, beta = float(theta[ALPHA]), float(theta[BETA])
    size = np.abs(u)
    v = math.exp(theta[SCALE]) * size
    epsilon = 1.0 - alpha
    with np.errstate(divide="ignore"):
        logarithm = np.where(v > 0, np.log(np.where(v > 0, v, 1.0)), 0.0)
    if epsilon == 0.0:
        bend = (2.0 / math.pi) * v * logarithm
    else:
        bend = -v * np.expm1(-epsilon * logarithm) / math.tan(0.5 * math.pi * epsilon)
    if alpha == 2.0:
        bend = np.zeros_like(v)
    return np.asarray(np.exp(-(v**alpha) + 1j * np.sign(u) * (theta[LOC] * size - beta * bend)))


def waves(x: Array, u: Array) -> Array:
    """Mean of cos ux, then of sin ux, over a sample (2U,)."""
    angles = [k * x for k in u]
    return np.array([*(np.cos(a).mean() for a in angles), *(np.sin(a).mean() for a in angles)])


def stacked(phi: Complex) -> Array:
    """Real parts, then imaginary ones."""
    return np.concatenate([phi.real, phi.imag])


def wave_covariance(u: Array, theta: Array) -> Array:
    """Covariance (2U, 2U) of cos ux and sin ux of one draw."""
    phi = characteristic(u, theta)
    plus = characteristic(u[:, None] + u, theta)
    minus = characteristic(u[:, None] - u, theta)
    cos_cos = 0.5 * (minus.real + plus.real) - np.outer(phi.real, phi.real)
    sin_sin = 0.5 * (minus.real - plus.real) - np.outer(phi.imag, phi.imag)
    cos_sin = 0.5 * (plus.imag - minus.imag) - np.outer(phi.real, phi.imag)
    return np.block([[cos_cos, cos_sin], [cos_sin.T, sin_sin]])


def characteristic_fit(x: Array, start: Array) -> tuple[Array, Array]:
    """θ = (α, β, log σ, δ) of S0 and its covariance (4, 4), within the support.

    Args:
        x: sample (n,).
        start: (4,) an estimate near enough, such as `quantile_fit`.
    """
    from scipy.optimize import least_squares

    theta = np.clip(start, LOW, HIGH)
    u = FREQUENCIES * math.exp(-theta[SCALE])
    # Centred, so that the waves turn by no more than the law makes them.
    centre = float(theta[LOC])
    found = waves(x - centre, u)
    theta[LOC] = 0.0
    for _ in range(_ROUNDS):
        metric = _whitener(wave_covariance(u, theta))
        theta = least_squares(
            lambda at, metric=metric: metric @ (stacked(characteristic(u, at)) - found), _interior(theta),
            bounds=(LOW, HIGH), x_scale=[0.1, 0.3, 0.1, 0.1 * math.exp(theta[SCALE])], xtol=1e-10,
            ftol=1e-12, gtol=1e-12,
        ).x  # fmt: skip
    slope = np.empty((2 * u.size, 4))
    for k in range(4):
        up, down = theta.copy(), theta.copy()
        step = _STEP * (math.exp(theta[SCALE]) if k == LOC else 1.0)
        up[k], down[k] = min(theta[k] + step, HIGH[k]), max(theta[k] - step, LOW[k])
        slope[:, k] = stacked(characteristic(u, up) - characteristic(u, down)) / (up[k] - down[k])
    slope = _whitener(wave_covariance(u, theta)) @ slope
    covariance = np.linalg.pinv(slope.T @ slope, rcond=1e-12) / x.size
    theta[LOC] += centre
    return theta, np.asarray(covariance)


def _interior(theta: Array) -> Array:
    """A start that is inside of the ends, which the search asks for."""
    return np.clip(theta, LOW + 1e-6, HIGH - 1e-6)


def _whitener(covariance: Array) -> Array:
    """W with WᵀW the inverse of a covariance, without its least directions."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > _LEAST * values[-1]
    return np.asarray(vectors[:, kept].T / np.sqrt(values[kept])[:, None])
