"""The critical batch size where steps bend, are capped, or are signs: noise scales beyond TrΣ_1/|μ|².

With g of batch B and a step of rate η the loss falls by η|μ|² − (η²/2)(μᵀHμ + Tr HΣ_1/B) (McCandlish et
al., arXiv 1812.06162, §2.2). `noise_scale` is the form without a Hessian, with `metric_consolidation` that of
a preconditioner.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import EstimatorError
from sdesim.estimate import AnyEstimate, Estimate
from sdesim.estimators.core.draws import matrix
from sdesim.estimators.core.places import Number, given, made, masks_of

Array = NDArray[np.float64]


def hessian_noise_scale(
    signal: ArrayLike, hessian_signal: ArrayLike, hessian_noise: Number, largest_rate: ArrayLike = math.inf
) -> AnyEstimate:
    """Batch at which the best step gains half of what the best noiseless one does, rates up to η_max.

    The best noiseless step gains G = η₀|μ|² − η₀²μᵀHμ/2, η₀ = min(|μ|²/μᵀHμ, η_max), and half of it is
    gained at

        B = Tr HΣ_1/(|μ|⁴/G − μᵀHμ).

    Without a largest rate it is Tr HΣ_1/μᵀHμ, the noise scale of McCandlish et al. (B_noise, eq. 2.8), and
    for H a multiple of the identity TrΣ_1/|μ|² (B_simple, eq. 2.9). Where the gradient lies in flat
    directions the step is capped by the sharp ones long before |μ|²/μᵀHμ, and the batch is smaller:
    2Tr HΣ_1/(λ_max|μ|²) with η_max = 2/λ_max.

    For a preconditioner P give μᵀPμ, μᵀPHPμ, Tr PHPΣ_1 and the bound on rates in that metric.

    Args:
        signal: |μ|²; hessian_signal: μᵀHμ, both freed of their noise; hessian_noise: Tr HΣ_1 of one example.
            Each a number or (...,); an Estimate of Tr HΣ_1 passes its interval on.
        largest_rate: η_max, 2/λ_max for gradient descent.

    Returns:
        Estimate (...,) in examples. ∞ with flag `negative_signal` where |μ|² ≤ 0. NaN with `no_curvature`
        where Tr HΣ_1 ≤ 0 (noise costs nothing to this order) or no rate is best (μᵀHμ ≤ 0, η_max = ∞). The
        interval holds the error of Tr HΣ_1 alone.

    Raises:
        EstimatorError: η_max not positive.
    """
    trace = given(hessian_noise)
    m, h, t, cap = np.broadcast_arrays(
        *(np.asarray(x, dtype=np.float64) for x in (signal, hessian_signal, trace.value, largest_rate))
    )
    if not (cap > 0).all():
        raise EstimatorError("largest_rate must be positive")
    low, high = (np.broadcast_to(np.asarray(x, dtype=np.float64), m.shape) for x in (trace.low, trace.high))
    nothing = m <= 0
    flat = ~nothing & ((t <= 0) | ((h <= 0) & np.isinf(cap)))
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.minimum(np.where(h > 0, m / h, np.inf), cap)
        # |μ|⁴/G − μᵀHμ; at the rate |μ|²/μᵀHμ itself G is |μ|⁴/2μᵀHμ.
        share = np.where(rate < cap, h, m / (rate * (1 - 0.5 * rate * h / m)) - h)
        value, low, high = (
            np.where(nothing, np.inf, np.where(flat, np.nan, x / share)) for x in (t, low, high)
        )
        low = np.where(nothing, np.nan, np.maximum(low, 0.0))
        high = np.where(nothing, np.nan, high)
    masks = masks_of(trace) | {
        "negative_signal": nothing, "no_curvature": flat, "no_interval": np.isnan(low) | np.isnan(high)
    }  # fmt: skip
    size = np.broadcast_to(trace.n, m.shape)
    raised = {f: np.broadcast_to(mask, m.shape) for f, mask in masks.items()}
    return made(value, low, high, trace.level, "hessian-noise-scale", size, raised)


def sign_noise_scale(gradients: ArrayLike, exhaustive: bool = False) -> Estimate:
    """(Σ_k σ_k/Σ_k |μ_k|)², the noise scale of sign steps, whose dual norm is ℓ₁ (cf. Naganuma et al., arXiv
    2602.03001): the batch at which the noise of the mean gradient is as large in it as the gradient.

    Args:
        gradients: (n, d), of single examples.
        exhaustive: these are all examples there are: σ and μ are theirs, without error.

    Returns:
        Estimate in examples. From a sample Σ|ḡ_k| is too large and the value too low (flag
        `plug_in_signal`); Σ sign(ḡ_k of one half) ḡ_k of the other, both ways, is too small on average: the
        interval is from one to the other, a bracket and no confidence interval (flag `bracket`), ∞ above
        where no sign agrees.

    Raises:
        EstimatorError: not (n, d), or fewer than 4 gradients.
    """
    g = matrix(gradients, rows=1 if exhaustive else 4).astype(np.float64, copy=False)
    n = len(g)
    spread = float(g.std(axis=0, ddof=0 if exhaustive else 1).sum())
    size = float(np.abs(g.mean(axis=0)).sum())
    value = (spread / size) ** 2 if size > 0 else math.inf
    if exhaustive:
        return Estimate(value, value, value, 1.0, "dual-norm", n)
    halves = g[: n // 2].mean(axis=0), g[n // 2 :].mean(axis=0)
    agreed = 0.5 * sum(float(np.sign(a) @ b) for a, b in (halves, halves[::-1]))
    high = (spread / agreed) ** 2 if agreed > 0 else math.inf
    return Estimate(
        value, value, max(high, value), 0.95, "dual-norm", n, ("plug_in_signal", "bracket"),
        {"spread": spread, "size": size},
    )  # fmt: skip
