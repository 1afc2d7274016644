"""Anderson and Darling's distance of a sample from the fitted law, and how often chance makes one as large.

A² = −n − Σ (2i − 1)/n [log F(x₍ᵢ₎) + log S(x₍ₙ₊₁₋ᵢ₎)]. With fitted parameters its law for large n is that of
Σ λ_j χ²₁, λ_j the eigenvalues of the covariance of the empirical process less what the fit takes away,

    K(s, t) = min(s, t) − s t − ψ(s)ᵀ I⁻¹ ψ(t),     ψ = ∂F/∂θ at the quantile, I the information of one draw,

over dt/(t(1 − t)), which is the plain measure of y = log t/(1 − t).

Source: J. Durbin, "Weak convergence of the sample distribution function when parameters are estimated", Ann.
Stat. 1 (1973); J. Imhof, "Computing the distribution of quadratic forms in normal variables", Biometrika 48
(1961).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sdesim.stable.fitting.likelihood import ALPHA, BETA, LOC, SCALE, STEP, Likelihood, information

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Tails = Callable[[Array, float, float], Array]

# Range and step of y: 1e-4 of A²'s mean lies beyond it, and the step moves p-values by 0.6% of themselves.
_REACH, _SPACING = 16.0, 0.1
_IMHOF_POINTS = 4000


@dataclass(frozen=True)
class Law:
    """Standard S0 law as functions of (x, α, β).

    Attributes:
        density: log f. below: log F. above: log of 1 − F. quantile: of probabilities. upper: of survivals.
    """

    density: Tails
    below: Tails
    above: Tails
    quantile: Tails
    upper: Tails


@dataclass(frozen=True)
class Goodness:
    """How well the fitted law describes the sample.

    Attributes:
        statistic: A², about 1 or less under the law, NaN if not asked for.
        p_value: chance of an A² as large under the law with parameters fitted alike.
        method: "asymptotic", "bootstrap" or "none".
        draws: bootstrap samples.
    """

    statistic: float
    p_value: float
    method: str
    draws: int = 0

    def __str__(self) -> str:
        if self.method == "none":
            return "not asked for"
        how = f"{self.draws} bootstrap samples" if self.draws else self.method
        return f"A² = {self.statistic:.4g}, p = {self.p_value:.3g} ({how})"


def anderson_darling(below: Array, above: Array) -> float:
    """A² of log F and log S at the ordered sample (n,)."""
    n = below.size
    odd = 2.0 * np.arange(n) + 1.0
    return float(-n - (odd * (below + above[::-1])).sum() / n)


def null_weights(law: Law, theta: Array, free: Mask) -> Array:
    """λ_j, descending, where the free parameters are fitted by an efficient method."""
    return _null_weights(law, float(theta[ALPHA]), float(theta[BETA]), tuple(np.flatnonzero(free).tolist()))


@lru_cache(maxsize=16)
def _null_weights(law: Law, alpha: float, beta: float, free: tuple[int, ...]) -> Array:
    y = np.arange(-_REACH, 0.5 * _SPACING, _SPACING)
    t = 1.0 / (1.0 + np.exp(-y))
    # Both halves from their own tail, so that none is 1 to rounding.
    x = np.concatenate([law.quantile(t, alpha, beta), law.upper(t[-2::-1], alpha, beta)])
    below = np.concatenate([t, 1.0 - t[-2::-1]])
    above = below[::-1]
    theta = np.array([alpha, beta, 0.0, 0.0])
    density = np.exp(law.density(x, alpha, beta))
    likelihood = Likelihood(x, np.zeros(x.size), law.density)
    scores = likelihood.scores(theta)[:, free]
    # E s sᵀ = ∫ s sᵀ t (1 − t) dy.
    whole = information(scores, below * above * _SPACING)
    part = np.empty((x.size, 4))
    part[:, LOC], part[:, SCALE] = -density, -x * density
    part[:, ALPHA] = _moved(law, x, y.size, alpha, beta, (1.0, 0.0))
    part[:, BETA] = _moved(law, x, y.size, alpha, beta, (0.0, 1.0))
    psi = part[:, free]
    bridge = np.minimum(below[:, None], below) * np.minimum(above[:, None], above)
    kernel = (bridge - psi @ np.linalg.pinv(whole, rcond=1e-12) @ psi.T) * _SPACING
    values = np.linalg.eigvalsh(0.5 * (kernel + kernel.T))[::-1]
    return np.asarray(values[values > 1e-7 * values[0]])


def _moved(law: Law, x: Array, lower: int, alpha: float, beta: float, way: tuple[float, float]) -> Array:
    """∂F/∂α or ∂F/∂β at x, from F below the middle and from S above it."""
    ends = ((alpha, 2.0 * STEP, 2.0), (beta, -1.0, 1.0))

    def shift(sign: float) -> tuple[float, float]:
        a, b = (
            min(max(at + sign * STEP * on, low), high) for (at, low, high), on in zip(ends, way, strict=True)
        )
        return a, b

    up, down = shift(1.0), shift(-1.0)
    width = (up[0] - down[0]) + (up[1] - down[1])
    low = np.exp(law.below(x[:lower], *up)) - np.exp(law.below(x[:lower], *down))
    high = np.exp(law.above(x[lower:], *down)) - np.exp(law.above(x[lower:], *up))
    return np.concatenate([low, high]) / width


def exceedance(weights: Array, value: float) -> float:
    """P(Σ λ_j χ²₁ > value), by Imhof's integral, and no more than Chernoff's bound.

    Far out, where the integrand turns faster than its steps, the bound is the smaller.
    """
    # The integrand falls as u^(−1 − m/2); in log u it is smooth.
    u = np.geomspace(1e-6, 1e5, _IMHOF_POINTS) / weights[0]
    product = weights * u[:, None]
    angle = 0.5 * np.arctan(product).sum(axis=1) - 0.5 * value * u
    modulus = np.exp(0.25 * np.log1p(product**2).sum(axis=1))
    found = 0.5 + float(np.trapezoid(np.sin(angle) / modulus, np.log(u))) / math.pi
    rates = np.linspace(0.0, 0.499, 200)[:, None] / weights[0]
    bound = float((-0.5 * np.log1p(-2.0 * rates * weights).sum(axis=1) - rates[:, 0] * value).min())
    return min(max(found, 0.0), math.exp(min(bound, 0.0)))
