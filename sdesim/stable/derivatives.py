"""Derivatives of the stable law's log density by x, α and β, by differences of sixth order.

Differences are taken of f over its value in the middle, not of log f, since f is the smoother one where a
power tail takes over from a Gaussian middle; by α of f |x|^{α − α₀}, so that powers of log x do not count in
far tails. Steps follow the length over which f varies. Relative error about 1e-9.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Array = NDArray[np.float64]

_POINTS = 7
_STEP_X, _STEP_ALPHA, _STEP_BETA = 0.01, 0.005, 0.02
# Of a first look at the slope, and over how many times its inverse f varies.
_FIRST, _STEEP = 1e-4, 3.0
# Least steps, where rounding begins to count.
_LEAST_STEP_ALPHA, _LEAST_STEP_BETA = 2e-4, 1e-3
# Beyond it, in α, no law is asked for.
_LEAST_ALPHA = 0.05


@dataclass(frozen=True)
class Gradient:
    """log f and its derivatives at points (n,)."""

    value: Array
    x: Array
    alpha: Array
    beta: Array


def log_density_gradient(x: Array, alpha: Array, beta: Array) -> Gradient:
    """log f of the standard S0 law and ∂/∂x, ∂/∂α, ∂/∂β; x, α and β all (n,).

    At α = 2 the derivative by α is that from below, and by β it is 0. Where f is 0 all three are NaN.
    """
    from sdesim import stable

    # One law for all points is evaluated in bulk.
    same = alpha.size > 0 and bool((alpha == alpha[0]).all() and (beta == beta[0]).all())
    if same:
        alpha, beta = alpha[:1], beta[:1]

    def density(at: Array, a: Array, b: Array) -> Array:
        if same:
            return np.asarray(stable.logpdf(at, float(a[0]), float(b[0]), parametrization="S0"))
        return np.asarray(stable.logpdf(at, a, b, parametrization="S0"))

    value = density(x, alpha, beta)
    middle = np.where(np.isfinite(value), value, np.nan)

    def ratio(at: Array, a: Array, b: Array) -> Array:
        with np.errstate(over="ignore"):
            return np.asarray(np.exp(density(at, a, b) - middle))

    length = _length(x, alpha, beta)
    step = _FIRST * length
    with np.errstate(invalid="ignore", divide="ignore"):
        steep = 2.0 * step / np.abs(density(x + step, alpha, beta) - density(x - step, alpha, beta))
    length = np.fmin(length, _STEEP * steep)
    weights = _weights(_POINTS // 2)
    by_x = np.zeros_like(x)
    for k, w in enumerate(weights):
        if w != 0.0:
            by_x += w * ratio(x + (k - _POINTS // 2) * _STEP_X * length, alpha, beta)
    by_x /= _STEP_X * length
    logarithm = np.log(np.maximum(np.abs(x), 1.0))
    step_alpha, step_beta = _steps(alpha, beta)
    by_alpha = _by(
        lambda a: ratio(x, a, beta) * np.exp((a - alpha) * logarithm), alpha, _LEAST_ALPHA, 2.0, step_alpha, x
    )
    by_alpha -= logarithm
    by_beta = _by(lambda b: ratio(x, alpha, b), beta, -1.0, 1.0, step_beta, x)
    by_beta = np.where(alpha == 2.0, 0.0, by_beta)
    return Gradient(value, by_x, by_alpha, by_beta)


def _sharp(alpha: Array) -> Array:
    """Width √(Γ(1/α)/Γ(3/α)) of the middle of f at α < 1, which lies where the S1 law has its origin."""
    below = np.minimum(alpha, 1.0)
    return np.asarray(np.exp(0.5 * (gammaln(1.0 / below) - gammaln(3.0 / below))))


def _tangent(alpha: Array) -> Array:
    """tan(πα/2) at α < 1, else 0: that origin lies at −β of it."""
    epsilon = np.where(alpha < 1.0, 1.0 - alpha, 1.0)
    return np.where(alpha < 1.0, 1.0 / np.tan(0.5 * math.pi * epsilon), 0.0)


def _length(x: Array, alpha: Array, beta: Array) -> Array:
    """Over which f varies."""
    smooth = np.sqrt(1.0 + x * x)
    sharp = np.hypot(_sharp(alpha), x + beta * _tangent(alpha))
    return np.asarray(np.where(alpha < 1.0, np.minimum(smooth, sharp), smooth))


def _steps(alpha: Array, beta: Array) -> tuple[Array, Array]:
    """Steps of α and β that move the origin by a small part of the middle's width."""
    sharp, tangent = _sharp(alpha), _tangent(alpha)
    most = _STEP_ALPHA * np.minimum(alpha, 1.0)
    moved = 0.5 * math.pi * (1.0 + tangent**2) * np.maximum(np.abs(beta), 1e-3)
    step_alpha = np.clip(np.where(alpha < 1.0, _STEP_BETA * sharp / moved, most), _LEAST_STEP_ALPHA, most)
    step_beta = _STEP_BETA * np.minimum(1.0, sharp / np.maximum(tangent, 1e-3))
    return step_alpha, np.where(alpha < 1.0, np.maximum(step_beta, _LEAST_STEP_BETA), _STEP_BETA)


def _by(function: object, at: Array, low: float, high: float, step: Array, x: Array) -> Array:
    """Derivative of function(at) over seven values of `at`, shifted to one side next to an end."""
    below = np.floor(np.clip((at - low) / step, 0.0, _POINTS // 2))
    above = np.floor(np.clip((high - at) / step, 0.0, _POINTS // 2))
    # Places before the middle: three, or what both ends leave room for.
    before = np.where(above < _POINTS // 2, _POINTS - 1 - above, below).astype(np.int64)
    total = np.zeros_like(x)
    for count in np.unique(before):
        chosen = np.broadcast_to(before == count, x.shape)
        for k, w in enumerate(_weights(int(count))):
            if w != 0.0:
                moved = np.clip(at + (k - count) * step, low, high)
                total += np.where(chosen, w * function(moved) / step, 0.0)  # type: ignore[operator]
    return total


@lru_cache(maxsize=_POINTS)
def _weights(before: int) -> tuple[float, ...]:
    """Weights of the derivative at place `before` of seven places a unit apart."""
    places = np.arange(_POINTS) - float(before)
    powers = np.vander(places, increasing=True).T
    return tuple(np.linalg.solve(powers, np.eye(_POINTS)[1]).round(15).tolist())
