"""The critical batch size where steps bend, are capped, or are signs: noise scales beyond TrΣ_1/|μ|².

With g of batch B and a step of rate η the loss falls by η|μ|² − (η²/2)(μᵀHμ + Tr HΣ_1/B) (McCandlish et
al., arXiv 1812.06162, §2.2). `noise_scale` is the form without a Hessian, with `metric_consolidation` that of
a preconditioner.
"""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import EstimatorError
from sdesim.estimate import AnyEstimate, Estimate
from sdesim.estimators.core.draws import matrix
from sdesim.estimators.core.places import Number, made, masks_of

Array = NDArray[np.float64]
_LARGEST = 2 - math.sqrt(2)


def hessian_noise_scale(
    signal: Number, hessian_signal: Number, hessian_noise: Number, largest_rate: Number = math.inf
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
        signal: |μ|²; hessian_signal: μᵀHμ, both freed of their noise; hessian_noise: Tr HΣ_1 of one example;
            largest_rate: η_max, 2/λ_max for gradient descent. Each a number or (...,), which is taken to be
            without error, or an Estimate, whose interval is passed on.

    Returns:
        Estimate (...,) in examples. ∞ with flag `negative_signal` where |μ|² ≤ 0. NaN with `no_curvature`
        where Tr HΣ_1 ≤ 0 (noise costs nothing to this order) or no rate is best (μᵀHμ ≤ 0, η_max = ∞).

        The interval: B over all |μ|² and μᵀHμ within their intervals, Tr HΣ_1 within its, and η_max within
        its, each with the others at their values, put together as independent errors of log B are (G. Zou,
        A. Donner, Stat. Med. 27 (2008) 1693). Without an upper end, flag `unresolved`, where |μ|² and μᵀHμ
        may both be 0.

    Raises:
        EstimatorError: η_max not positive.
    """
    parts = [_ends(x) for x in (signal, hessian_signal, hessian_noise, largest_rate)]
    shape = np.broadcast_shapes(*(x.shape for part in parts for x in part))
    (m, m_low, m_high), (h, h_low, h_high), (t, t_low, t_high), (cap, cap_low, cap_high) = (
        [np.broadcast_to(x, shape) for x in part] for part in parts
    )
    if not ((cap > 0) | np.isnan(cap)).all():
        raise EstimatorError("largest_rate must be positive")
    known = [x for x in (signal, hessian_signal, hessian_noise, largest_rate) if isinstance(x, Estimate)]
    nothing = m <= 0
    flat = ~nothing & ((t <= 0) | ((h <= 0) & np.isinf(cap)))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = _share(m, h, cap)
        value = np.where(nothing, np.inf, np.where(flat, np.nan, t / share))
        most = np.maximum(_share(m_high, h_low, cap), _share(m_high, h_high, cap))
        # At one |μ|² the batch is largest at a μᵀHμ of (2 − √2)|μ|²/η_max.
        worst = np.clip(np.maximum(m_low, 0.0) * _LARGEST / cap, h_low, h_high)
        least = np.where(m_low > 0, _share(m_low, worst, cap), worst)
        least = np.where(np.isnan(m_low) | np.isnan(worst), np.nan, np.maximum(least, 0.0))
        down = (share / most, np.maximum(t_low, 0.0) / t, share / _share(m, h, cap_low, least=0.0))
        up = (share / least, t_high / t, share / _share(m, h, cap_high))
        low = value * np.exp(-np.sqrt(sum(np.log(np.minimum(x, 1.0)) ** 2 for x in down)))
        high = value * np.exp(np.sqrt(sum(np.log(np.maximum(x, 1.0)) ** 2 for x in up)))
        # No signal was seen: all that is known is how large it may be.
        unseen = np.maximum(t_low, 0.0) / np.maximum(most, _share(m_high, h_high, cap_low, least=0.0))
        endless = nothing & (m_high > 0)
        low = np.where(nothing, np.where(endless, unseen, np.nan), low)
        high = np.where(nothing, np.where(endless & ~np.isnan(low), np.inf, np.nan), high)
    if not known:
        low, high = np.full(shape, np.nan), np.full(shape, np.nan)
    masks: dict[str, Any] = {}
    for e in known:
        for name, mask in masks_of(e).items():
            masks[name] = masks.get(name, False) | np.broadcast_to(mask, shape)
    masks |= {
        "negative_signal": nothing, "no_curvature": flat, "unresolved": np.isposinf(high),
        "no_interval": np.isnan(low) | np.isnan(high),
    }  # fmt: skip
    level = known[0].level if known else 0.95
    size = np.broadcast_to(reduce(np.minimum, [np.asarray(e.n) for e in known]) if known else 1, shape)
    return made(value, low, high, level, "hessian-noise-scale", size, masks)


def _ends(x: Number) -> tuple[Array, Array, Array]:
    """Value and ends; of a number that is taken to be without error the number."""
    parts = (x.value, x.low, x.high) if isinstance(x, Estimate) else (x, x, x)
    value, low, high = (np.asarray(part, dtype=np.float64) for part in parts)
    return value, low, high


def _share(m: Array, h: Array, cap: Array, least: float | None = None) -> Array:
    """|μ|⁴/G − μᵀHμ, Tr HΣ_1 over the batch.

    Args:
        least: value of a cap at or below 0 is ∞ then: no step is small enough.
    """
    rate = np.minimum(np.where(h > 0, m / h, np.inf), cap)
    # At the rate |μ|²/μᵀHμ itself G is |μ|⁴/2μᵀHμ.
    found = np.where(rate < cap, h, m / (rate * (1 - 0.5 * rate * h / m)) - h)
    found = np.where(np.isinf(rate), 0.0, found)
    return found if least is None else np.where(cap <= least, np.inf, found)


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
