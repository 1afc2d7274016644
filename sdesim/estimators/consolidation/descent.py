"""What C says of one step θ − ηg: the best η, the C below which the loss grows, the chance that it falls.

To second order E L(θ − ηg) − L = −η|μ|² + (η²/2)(μᵀHμ + Tr HΣ).
"""

from __future__ import annotations

import math

from scipy.special import chndtr

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate


def _bare(value: float, method: str, *flags: str) -> Estimate:
    return Estimate(value, math.nan, math.nan, 0.95, method, 1, (*flags, "no_interval"))


def eta_star(signal: float, hessian_signal: float, hessian_noise: float) -> Estimate:
    """Learning rate of the largest expected decrease, η* = |μ|²/(μᵀHμ + Tr HΣ).

    On an isotropic quadratic η*λ = C/(1 + C) = p, and the loss falls to 1 − p of itself.

    Args:
        signal: |μ|², debiased; hessian_signal: μᵀHμ, freed of the share Tr(HΣ)/n that ḡᵀHḡ holds of the
            draws' noise; hessian_noise: Tr(HΣ).

    Returns:
        Estimate; ∞ with flag `no_curvature` where the denominator is not positive, 0 with
        `negative_signal` where |μ|² is not.
    """
    bend = hessian_signal + hessian_noise
    if signal <= 0:
        return _bare(0.0, "quadratic-model", "negative_signal")
    return (
        _bare(signal / bend, "quadratic-model")
        if bend > 0
        else _bare(math.inf, "quadratic-model", "no_curvature")
    )


def consolidation_threshold(
    eta: float, hessian_signal: float, hessian_noise: float, noise: float
) -> Estimate:
    """C* = (η/2)(μᵀHμ + Tr HΣ)/Tr Σ: a step of length η lowers the expected loss where C > C*.

    On an isotropic quadratic C > C* says C > r/(2 − r), r = ηλ; the source's threshold is 1 (§5).

    Raises:
        EstimatorError: η or Tr Σ not positive.
    """
    if not eta > 0:
        raise EstimatorError(f"eta must be positive, got {eta}")
    if not noise > 0:
        raise EstimatorError(f"noise must be positive, got {noise}")
    return _bare(0.5 * eta * (hessian_signal + hessian_noise) / noise, "quadratic-model")


def decrease_probability(c: float | Estimate, dim: int, r: float) -> Estimate:
    """P(L(θ − ηg) < L(θ)) on an isotropic quadratic with white Gaussian noise, r = ηλ.

    The noncentral χ² law with d degrees of freedom and noncentrality (1 − r)²dC/r², at dC/r². C* = r/(2 − r)
    is where the mean change vanishes; around it the probability goes from 0 to 1 within O(1/√d).

    Raises:
        EstimatorError: dim < 1, r not positive.
    """
    if dim < 1:
        raise EstimatorError(f"dim must be at least 1, got {dim}")
    if not r > 0:
        raise EstimatorError(f"r must be positive, got {r}")

    def chance(x: float) -> float:
        k = dim * max(x, 0.0) / r**2
        return math.nan if math.isnan(x) else float(chndtr(k, dim, (1 - r) ** 2 * k))

    if not isinstance(c, Estimate):
        return _bare(chance(float(c)), "isotropic-quadratic")
    # At r > 2 no C helps, and the probability falls with C.
    low, high = chance(c.low), chance(c.high)
    if low > high:
        low, high = high, low
    return Estimate(chance(c.value), low, high, c.level, "isotropic-quadratic", c.n, c.flags)
