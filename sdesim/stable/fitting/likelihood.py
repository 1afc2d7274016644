"""Log-likelihood of the stable law at weighted points, its scores, and its maximum.

The law is that of S0, ℓ(x) = log f((x − δ)/σ; α, β) − log σ, which is continuous in all four parameters
through α = 1; θ = (α, β, log σ, δ). Scores are differences of log f, known to about 1e-12, in steps of 1e-4.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Density = Callable[[Array, float, float], Array]

ALPHA, BETA, SCALE, LOC = range(4)
LEAST_ALPHA = 0.2
# Of a score, whose square must not overflow.
_LARGEST = 1e100
# Of log σ in units of the sample's quartiles.
_WIDEST = 300.0
LOW = np.array([LEAST_ALPHA, -1.0, -_WIDEST, -np.inf])
HIGH = np.array([2.0, 1.0, _WIDEST, np.inf])
STEP = 1e-4
# Longest step of an iteration, in α, β, log σ and units of σ.
_LONGEST = np.array([0.3, 0.5, 0.7, 1.0])
_ITERATIONS = 60
# Expected gain of log-likelihood at which it has converged: 1e-4 standard errors.
_SETTLED = 1e-8
# From here on β does nothing that a sample could show.
GAUSSIAN = 2.0


@dataclass(frozen=True)
class Likelihood:
    """Σ_j w_j ℓ(x_j).

    Attributes:
        points: (m,). weights: (m,).
        density: log f of standard points (m,), α and β in S0.
    """

    points: Array
    weights: Array
    density: Density

    def values(self, theta: Array) -> Array:
        """ℓ at the points (m,)."""
        z = (self.points - theta[LOC]) * math.exp(-theta[SCALE])
        return np.asarray(self.density(z, float(theta[ALPHA]), float(theta[BETA])) - theta[SCALE])

    def total(self, theta: Array) -> float:
        """Σ w ℓ; −∞ where the law has no mass at some point."""
        with np.errstate(invalid="ignore"):
            found = float(self.weights @ self.values(theta))
        return found if math.isfinite(found) else -math.inf

    def scores(self, theta: Array, held: Mask | None = None) -> Array:
        """∂ℓ/∂θ at the points (m, 4); 0 for α or β where it is held."""
        alpha, beta = float(theta[ALPHA]), float(theta[BETA])
        held = np.zeros(4, dtype=bool) if held is None else held
        none = np.zeros(self.points.size)
        z = (self.points - theta[LOC]) * math.exp(-theta[SCALE])
        step = STEP * np.hypot(1.0, z)
        # Beyond the end of a support there is no difference; no maximum lies so close to one.
        with np.errstate(invalid="ignore"):
            slope = (self.density(z + step, alpha, beta) - self.density(z - step, alpha, beta)) / (2.0 * step)
        found = np.stack([
            none if held[ALPHA] else _difference(lambda a: self.density(z, a, beta), alpha, LEAST_ALPHA, 2.0),
            none if held[BETA] else _difference(lambda b: self.density(z, alpha, b), beta, -1.0, 1.0),
            -1.0 - z * slope,
            -slope * math.exp(-theta[SCALE]),
        ], axis=1)  # fmt: skip
        return np.clip(np.where(np.isfinite(found), found, 0.0), -_LARGEST, _LARGEST)

    def gradient(self, theta: Array) -> Array:
        """∂/∂θ of the total (4,)."""
        return np.asarray(self.weights @ self.scores(theta))


def _difference(values: Callable[[float], Array], at: float, low: float, high: float) -> Array:
    """Derivative by central differences, or by one-sided ones of the same order next to an end."""
    with np.errstate(invalid="ignore"):
        if low <= at - STEP and at + STEP <= high:
            return (values(at + STEP) - values(at - STEP)) / (2.0 * STEP)
        h = STEP if at - STEP < low else -STEP
        return (4.0 * values(at + h) - 3.0 * values(at) - values(at + 2.0 * h)) / (2.0 * h)


@dataclass(frozen=True)
class Maximum:
    """Where the likelihood is largest.

    Attributes:
        theta: (4,). total: log-likelihood there.
        outer: Σ w s sᵀ of the scores s (4, 4), the expected information's estimate.
        scores: (m, 4).
        free: which parameters are at no end and not held.
        converged: whether no more than 1e-8 was to gain.
    """

    theta: Array
    total: float
    outer: Array
    scores: Array
    free: Mask
    converged: bool


def maximise(
    likelihood: Likelihood, start: Array, held: Mask | None = None, settled: float = _SETTLED
) -> Maximum:
    """Largest likelihood from a start on, by scoring with halved steps; parameters at an end may leave it.

    Args:
        start: (4,) within the ends.
        held: (4,) parameters that keep their value.
        settled: gain of log-likelihood below which no step is taken.
    """
    held = np.zeros(4, dtype=bool) if held is None else held
    theta = np.clip(start, LOW, HIGH)
    total = likelihood.total(theta)
    converged = False
    for _ in range(_ITERATIONS):
        scores = likelihood.scores(theta, held)
        gradient = likelihood.weights @ scores
        outer = information(scores, likelihood.weights)
        free = _free(theta, gradient, held)
        step, gain = _step(outer, gradient, free)
        if gain < settled:
            converged = True
            break
        size = _LONGEST * np.array([1.0, 1.0, 1.0, math.exp(theta[SCALE])])
        step *= min(1.0, float((size / np.maximum(np.abs(step), 1e-300)).min()))
        factor = 1.0
        while factor > 1e-6:
            new = np.clip(theta + factor * step, LOW, HIGH)
            found = likelihood.total(new)
            if found > total:
                break
            factor *= 0.3
        else:
            # No better point within reach: what is left to gain is below the density's own error.
            converged = gain < 1e-4
            break
        theta, total = new, found
    return Maximum(theta, total, outer, scores, free, converged)


def information(scores: Array, weights: Array) -> Array:
    """Σ w s sᵀ, positive semidefinite."""
    outer = np.asarray((scores * weights[:, None]).T @ scores)
    values, vectors = np.linalg.eigh(0.5 * (outer + outer.T))
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)


def _free(theta: Array, gradient: Array, held: Mask) -> Mask:
    """Neither held nor pushed against an end; at α = 2 the skew has nothing to do."""
    pushed = ((theta >= HIGH) & (gradient >= 0)) | ((theta <= LOW) & (gradient <= 0))
    free = ~held & ~pushed
    if theta[ALPHA] >= GAUSSIAN:
        free[BETA] = False
    return np.asarray(free)


def _step(outer: Array, gradient: Array, free: Mask) -> tuple[Array, float]:
    """Scoring step (4,) and half of what it is expected to gain."""
    step = np.zeros(4)
    if free.any():
        part = outer[np.ix_(free, free)]
        # A little ridge, on the scale of each parameter, where a direction is hardly seen.
        part = part + np.diag(1e-9 * np.diagonal(part) + 1e-300)
        step[free] = np.linalg.lstsq(part, gradient[free], rcond=None)[0]
    return step, 0.5 * float(step @ gradient)


def observed(likelihood: Likelihood, at: Maximum) -> Array:
    """−∂²/∂θ² of the total over the free parameters (4, 4), 0 elsewhere, by differences of the gradient."""
    free = np.flatnonzero(at.free)
    spread = np.sqrt(np.diagonal(np.linalg.pinv(at.outer[np.ix_(free, free)])))
    found = np.zeros((4, 4))
    for k, width in zip(free, spread, strict=True):
        h = 0.05 * max(float(width), 1e-6)
        up, down = at.theta.copy(), at.theta.copy()
        up[k], down[k] = min(at.theta[k] + h, HIGH[k]), max(at.theta[k] - h, LOW[k])
        found[k] = -(likelihood.gradient(up) - likelihood.gradient(down)) / (up[k] - down[k])
    whole = 0.5 * (found + found.T)
    whole[~at.free] = 0.0
    whole[:, ~at.free] = 0.0
    return np.asarray(whole)
