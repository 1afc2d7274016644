"""What C says of one step θ − ηg: the best η, the C below which the loss grows, the chance that it falls.

To second order E L(θ − ηg) − L = −η|μ|² + (η²/2)(μᵀHμ + Tr HΣ).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chndtr

from sdesim.errors import EstimatorError
from sdesim.estimate import AnyEstimate, Estimate
from sdesim.estimators.core.places import Number, given, made, masks_of

Array = NDArray[np.float64]


def eta_star(signal: ArrayLike, hessian_signal: ArrayLike, hessian_noise: ArrayLike) -> AnyEstimate:
    """Learning rate of the largest expected decrease, η* = |μ|²/(μᵀHμ + Tr HΣ).

    On an isotropic quadratic η*λ = C/(1 + C) = p, and the loss falls to 1 − p of itself.

    Args:
        signal: |μ|², debiased; hessian_signal: μᵀHμ, freed of the share Tr(HΣ)/n that ḡᵀHḡ holds of the
            draws' noise; hessian_noise: Tr(HΣ). Each a number or (...,).

    Returns:
        Estimate; ∞ with flag `no_curvature` where the denominator is not positive, 0 with
        `negative_signal` where |μ|² is not; flag `nonfinite` where an argument is infinite.
    """
    m, bend = np.broadcast_arrays(
        np.asarray(signal, float), np.add(hessian_signal, hessian_noise, dtype=float)
    )
    nothing = np.broadcast_to(m <= 0, np.broadcast(m, bend).shape)
    straight = (m > 0) & (bend <= 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(nothing, 0.0, np.where(straight, np.inf, m / bend))
    endless = np.isinf(m) | np.isinf(bend)
    told = {"nonfinite": endless} if endless.any() else {}
    return _bare(value, {"no_curvature": straight, "negative_signal": nothing, **told})


def _bare(value: Array, masks: dict[str, ArrayLike]) -> AnyEstimate:
    everywhere = np.ones(np.shape(value), dtype=bool)
    return made(value, math.nan, math.nan, 0.95, "quadratic-model", np.ones(np.shape(value), dtype=np.int64),
                masks | {"no_interval": everywhere})  # fmt: skip


def critical_signal(eta: ArrayLike, hessian_signal: ArrayLike, hessian_noise: ArrayLike = 0.0) -> Array:
    """(η/2)(μᵀHμ + Tr HΣ), which |μ|² must exceed for a step of length η to lower the expected loss.

    C* is this over Tr Σ. Without noise it is what remains to hold |μ|² against, where C and C* are infinite.

    Args:
        eta, hessian_signal: μᵀHμ, hessian_noise: Tr(HΣ), each a number or (...,).

    Returns:
        (...,).
    """
    rate, signal, noise = (np.asarray(x, dtype=np.float64) for x in (eta, hessian_signal, hessian_noise))
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(0.5 * rate * (signal + noise))


def critical_consolidation(
    eta: ArrayLike, hessian_signal: ArrayLike, hessian_noise: Number, noise: Number,
    draws: ArrayLike | None = None, noiseless: ArrayLike = False,
) -> AnyEstimate:  # fmt: skip
    """C* = (η/2)(μᵀHμ + Tr HΣ)/Tr Σ: a step of length η lowers the expected loss where C > C*.

    On an isotropic quadratic C > C* says C > r/(2 − r), r = ηλ; the source's threshold is 1 (§5).

    Args:
        eta: η of the step.
        hessian_signal: μᵀHμ; with `draws` ḡᵀHḡ of their mean, which holds Tr(HΣ)/n more.
        hessian_noise: Tr(HΣ); noise: Tr Σ, both of the step's own batch. An Estimate passes its interval on,
            as of independent errors.
        draws: n, how many gradients of the step's batch size ḡ is the mean of; n draws of batches of B′ are
            n B′/B of B.
        noiseless: where what is left of Tr Σ is rounding.

    Each a number or (...,).

    Returns:
        Estimate (...,). Without noise ±∞ with the sign of μᵀHμ, flag `zero_noise`; NaN, flag `interpolated`,
        where nothing bends either; flag `nonfinite` where an argument is infinite. The interval holds the
        errors of Tr Σ and Tr HΣ, not that of μᵀHμ; without that of Tr HΣ there is none.
    """
    rate, bent, count = (
        np.asarray(x, dtype=np.float64) for x in (eta, hessian_signal, np.inf if draws is None else draws)
    )
    curved, trace = given(hessian_noise), given(noise)
    tr, own = np.asarray(curved.value, dtype=np.float64), np.asarray(trace.value, dtype=np.float64)
    nothing = (own <= 0) & (bent == 0) & ~np.asarray(noiseless)
    still = (np.asarray(noiseless) | (own <= 0)) & ~nothing
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        value = critical_signal(rate, bent - tr / count, tr) / own
        value = np.where(still, np.inf * np.sign(bent), np.where(nothing, np.nan, value))
        error = np.asarray(curved.high) - tr
        half = np.abs(critical_signal(rate, error * (1 - 1 / count)) / own)
        trace_half = np.nan_to_num((np.asarray(trace.high) - np.asarray(trace.low)) / (2 * own))
        half = np.where(np.isinf(value), np.nan, np.hypot(half, value * trace_half))
        low, high = value - half, value + half
    masks = {"zero_noise": still, "interpolated": nothing, "no_interval": np.isnan(low)}
    endless = np.isinf(tr) | np.isinf(own) | np.isinf(bent)
    masks |= {"nonfinite": endless} if endless.any() else {}
    level = next((e.level for e in (hessian_noise, noise) if isinstance(e, Estimate)), 0.95)
    size = np.asarray(1) if draws is None else np.nan_to_num(count).astype(np.int64)
    raised = {f: np.broadcast_to(m, value.shape) for f, m in masks.items()}
    return made(value, low, high, level, "quadratic-model", np.broadcast_to(size, value.shape), raised)


def consolidation_threshold(
    eta: ArrayLike, hessian_signal: ArrayLike, hessian_noise: Number, noise: Number
) -> AnyEstimate:
    """`critical_consolidation` of a step that has a length and noise, each a number or (...,).

    Raises:
        EstimatorError: η or Tr Σ not positive.
    """
    trace = noise.value if isinstance(noise, Estimate) else noise
    for name, x in (("eta", eta), ("noise", trace)):
        if not np.all(np.asarray(x) > 0):
            raise EstimatorError(f"{name} must be positive, got {np.min(np.asarray(x))}")
    return critical_consolidation(eta, hessian_signal, hessian_noise, noise)


def decrease_probability(c: Number, dim: int, r: float) -> AnyEstimate:
    """P(L(θ − ηg) < L(θ)) on an isotropic quadratic with white Gaussian noise, r = ηλ, C a number or (...,).

    The noncentral χ² law with d degrees of freedom and noncentrality (1 − r)²dC/r², at dC/r². C* = r/(2 − r)
    is where the mean change vanishes; around it the probability goes from 0 to 1 within O(1/√d).

    Raises:
        EstimatorError: dim < 1, r not positive.
    """
    if dim < 1:
        raise EstimatorError(f"dim must be at least 1, got {dim}")
    if not r > 0:
        raise EstimatorError(f"r must be positive, got {r}")

    def chance(x: Array) -> Array:
        k = dim * np.maximum(x, 0.0) / r**2
        return np.where(np.isnan(x), np.nan, chndtr(k, dim, (1 - r) ** 2 * k))

    e = given(c).mapped(chance, method="isotropic-quadratic")
    # At r > 2 no C helps, and the probability falls with C.
    turned = np.asarray(e.low) > np.asarray(e.high)
    low = np.where(turned, np.asarray(e.high), np.asarray(e.low))
    high = np.where(turned, np.asarray(e.low), np.asarray(e.high))
    return made(np.asarray(e.value), low, high, e.level, e.method, e.n, masks_of(e))
