"""The source's effective rate λ_eff = η·C·μ (§10.1), a bound that holds, and whether a run obeys it.

For a β-smooth loss with Polyak–Łojasiewicz constant m and gradients of consolidation ratio C,

    E[L₊ − L*] ≤ [1 − 2mη(1 − (βη/2)(1 + 1/C))] (L − L*),

since E[L₊] ≤ L − η|μ|² + (βη²/2)(|μ|² + Tr Σ). The best step η = p/β contracts by 1 − p·m/β: linear in p and
saturating in C, where λ_eff is unbounded in C and has the units of |μ|·η.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate
from sdesim.estimators.consolidation.probability import pl_constant, probability
from sdesim.estimators.core.binomial import wilson
from sdesim.estimators.core.places import Number, given, made, masks_of
from sdesim.estimators.core.samples import DROPPED

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class EffectiveRate(Estimate[Any, Any, Any, Any]):
    """λ_eff as an Estimate (`value`, with the interval of C), and the factors that go with it.

    Attributes:
        factor_literal: 1 − λ_eff (§10.1).
        factor_literal_half: 1 − λ_eff/2 (§13.3).
        factor: the bound above, per step; NaN without β and m, 1 for C ≤ 0.
        factor_low, factor_high: its ends over the interval of C.
        best_factor: 1 − p·m/β, that of the step p/β; NaN without β and m.

    Numbers, or arrays (...,) where `value` is one.
    """

    factor_literal: Any = math.nan
    factor_literal_half: Any = math.nan
    factor: Any = math.nan
    factor_low: Any = math.nan
    factor_high: Any = math.nan
    best_factor: Any = math.nan


def contraction_factor(eta: ArrayLike, c: ArrayLike, smoothness: ArrayLike, pl: ArrayLike) -> Array:
    """1 − 2mη(1 − (βη/2)(1 + 1/C)), element by element; 1 where C ≤ 0 or m ≤ 0: nothing is known there.

    It exceeds 1 where the step is longer than 2p/β, and is increasing in β and decreasing in C.
    """
    rate, ratio = np.asarray(eta, dtype=np.float64), np.asarray(c, dtype=np.float64)
    m, beta = np.asarray(pl, dtype=np.float64), np.asarray(smoothness, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        bound = 1 - 2 * m * rate * (1 - beta * rate / 2 * (1 + 1 / ratio))
    unknown = np.isnan(m) | np.isnan(beta) | np.isnan(ratio)
    return np.where(unknown, np.nan, np.where((ratio <= 0) | (m <= 0), 1.0, bound))


def effective_rate(
    eta: float, c: Number, mu: float, smoothness: float | None = None, pl: float | Estimate | None = None
) -> EffectiveRate:
    """λ_eff = η·C·μ and the convergence factors.

    Args:
        eta: learning rate.
        c: C, a number or (...,); an Estimate passes its interval on.
        mu: |mean gradient| on the d_H-dimensional manifold (`manifold_gradient`).
        smoothness: β (λ_max along the path), pl: m, both for the corrected factors.

    Returns:
        EffectiveRate. Flags: `units`, λ_eff is not dimensionless; `unbounded`, it exceeds 1, so that
        1 − λ_eff is negative.

    Raises:
        EstimatorError: η not positive.
    """
    if not eta > 0:
        raise EstimatorError(f"eta must be positive, got {eta}")
    ratio = given(c, flags=())
    rate = ratio.mapped(lambda x: eta * x * mu, method="literal")
    value = np.asarray(rate.value)
    masks = masks_of(ratio) | {"units": np.ones(value.shape, dtype=bool), "unbounded": value > 1}
    masks["no_interval"] = masks.get("no_interval", np.asarray(False)) | np.isnan(np.asarray(rate.low))
    e = made(value, rate.low, rate.high, rate.level, "literal", rate.n, masks)
    beta = math.nan if smoothness is None else float(smoothness)
    m = math.nan if pl is None else float(pl)
    factor, low, high = (contraction_factor(eta, x, beta, m) for x in (ratio.value, ratio.high, ratio.low))
    share = probability(np.maximum(ratio.value, 0.0)).value
    more = (1 - value, 1 - value / 2, factor, low, high, 1 - share * m / beta)
    return EffectiveRate(
        e.value, e.low, e.high, e.level, e.method, e.n, e.flags, {},
        *(more if e.is_array else (float(x) for x in more)),
    )  # fmt: skip


def manifold_gradient(gradient: ArrayLike, path: ArrayLike, d_h: float | Estimate) -> Estimate:
    """μ_{d_H} = |P_k ḡ|, the mean gradient (d,) on the top k = ⌈d_H⌉ principal directions of a path (n, d).

    At most |ḡ|; `details`: k, share = |P_k ḡ|²/|ḡ|².

    Raises:
        EstimatorError: shapes that don't fit, d_H not positive.
    """
    g, x = np.asarray(gradient, dtype=np.float64), np.asarray(path, dtype=np.float64)
    if x.ndim != 2 or len(x) < 2 or g.shape != x.shape[1:]:
        raise EstimatorError(f"gradient (d,) needs a path (n ≥ 2, d), got {g.shape} and {x.shape}")
    if not float(d_h) > 0:
        raise EstimatorError(f"d_h must be positive, got {float(d_h)}")
    k = min(math.ceil(float(d_h)), *x.shape)
    directions = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[2][:k]
    value, whole = float(np.linalg.norm(directions @ g)), float(g @ g)
    details = {"k": float(k), "share": value**2 / whole if whole > 0 else math.nan}
    return Estimate(value, math.nan, math.nan, 0.95, "principal", len(x), ("no_interval",), details)


def rolling_pl_constant(
    grad_norm2: ArrayLike, loss: ArrayLike, minimum: float | None = None, window: int = 10
) -> tuple[Estimate, ...]:
    """m at each point of a series (n,): `pl_constant` over the last `window` points up to it.

    The smallest of noisy values is biased downwards, so a bound made with it errs to the safe side.

    Args:
        grad_norm2: |μ|², debiased; not positive where the gradient is lost in noise.
        loss: L at the same points.
        minimum: L*; None for the lowest loss of the whole series, flag `minimum_unknown`.
        window: number of points, at least 1.

    Raises:
        EstimatorError: shapes that don't fit, window below 1.
    """
    g2, values = np.asarray(grad_norm2, dtype=np.float64), np.asarray(loss, dtype=np.float64)
    if g2.ndim != 1 or g2.shape != values.shape:
        raise EstimatorError(f"grad_norm2 and loss must both be (n,), got {g2.shape} and {values.shape}")
    if window < 1:
        raise EstimatorError(f"window must be at least 1, got {window}")
    told = minimum is not None
    finite = values[np.isfinite(values)]
    lowest = minimum if minimum is not None else float(finite.min()) if finite.size else math.nan
    found = []
    for k in range(len(g2)):
        part = slice(max(0, k + 1 - window), k + 1)
        known = np.isfinite(g2[part]) & np.isfinite(values[part])
        e = pl_constant(g2[part][known], values[part][known], lowest) if known.any() else None
        flags = ("no_interval", "no_value") if e is None else e.flags
        flags = flags if told else (*flags, "minimum_unknown")
        flags = flags if known.all() else (*flags, DROPPED)
        value, n = (math.nan, 0) if e is None else (e.value, e.n)
        found.append(Estimate(value, math.nan, math.nan, 0.95, "windowed-minimum", n, flags))
    return tuple(found)


def effective_rates(
    eta: ArrayLike, c: Sequence[float | Estimate], grad_norm2: ArrayLike, loss: ArrayLike,
    smoothness: ArrayLike, minimum: float | None = None, window: int = 10, mu: ArrayLike | None = None,
) -> tuple[EffectiveRate, ...]:  # fmt: skip
    """`effective_rate` at each of the n points of a run, with m from `rolling_pl_constant`.

    Args:
        eta: learning rate, a number or (n,).
        c: n values of C, best as Estimates.
        grad_norm2: |μ|² (n,), debiased. loss: L (n,). smoothness: λ_max (n,); β is its largest so far.
        minimum, window: as in `rolling_pl_constant`.
        mu: |P_k ḡ| (n,); without it √|μ|², an upper end.

    Raises:
        EstimatorError: lengths that don't fit, η not positive.
    """
    g2 = np.asarray(grad_norm2, dtype=np.float64)
    rates = np.broadcast_to(np.asarray(eta, dtype=np.float64), g2.shape)
    sharpness = np.asarray(smoothness, dtype=np.float64)
    sizes = np.sqrt(np.maximum(g2, 0.0)) if mu is None else np.asarray(mu, dtype=np.float64)
    if not len(c) == len(g2) == len(sharpness) == len(sizes):
        raise EstimatorError(
            f"c, grad_norm2, smoothness and mu must be equally long, got {len(c)}, {len(g2)}, "
            f"{len(sharpness)} and {len(sizes)}"
        )
    constants = rolling_pl_constant(g2, loss, minimum, window)
    beta = np.fmax.accumulate(sharpness)
    return tuple(
        effective_rate(float(rates[k]), c[k], float(sizes[k]), float(beta[k]), constants[k])
        for k in range(len(g2))
    )


def obeys_bound(losses: ArrayLike, minimum: float | None, factor: ArrayLike, level: float = 0.95) -> Estimate:
    """Share of steps with L_{t+1} − L* ≤ factor·(L_t − L*), with Wilson's interval.

    The bound is one on expectations: give losses (K, n) of K trajectories, whose mean is then tested. A
    single path (n,) may break it at some steps and obey it on average. The interval takes the steps as
    independent.

    Args:
        losses: (n,) or (K, n), n ≥ 2, at consecutive steps.
        minimum: L*; None for the lowest loss given, flag `minimum_unknown`.
        factor: a number, or (n−1,), one per step.
        level: of the interval.

    Returns:
        Estimate with n = the number of steps that could be judged: those with finite losses and factor and
        L_t > L*; flag `nonfinite_dropped` where others are not finite. `details`: worst = the largest of
        (L_{t+1} − L*)/(factor·(L_t − L*)).

    Raises:
        EstimatorError: fewer than two losses, shapes that don't fit.
    """
    x = np.asarray(losses, dtype=np.float64)
    if x.ndim not in (1, 2) or x.shape[-1] < 2:
        raise EstimatorError(f"at least two losses are needed, (n,) or (K, n), got shape {x.shape}")
    path = x if x.ndim == 1 else x.mean(axis=0)
    bound = np.asarray(factor, dtype=np.float64)
    if bound.ndim and bound.shape != (len(path) - 1,):
        raise EstimatorError(f"factor must be a number or have shape {(len(path) - 1,)}, got {bound.shape}")
    flags: tuple[str, ...] = () if minimum is not None else ("minimum_unknown",)
    finite = path[np.isfinite(path)]
    lowest = minimum if minimum is not None else float(finite.min()) if finite.size else math.nan
    gap = path - lowest
    allowed = bound * gap[:-1]
    judged = np.isfinite(gap[1:]) & np.isfinite(allowed) & (gap[:-1] > 0)
    n = int(judged.sum())
    if not (np.isfinite(path).all() and np.isfinite(bound).all()):
        flags = (*flags, DROPPED)
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, level, "wilson", 0, (*flags, "no_value", "no_interval"))
    # A loss that meets the bound exactly may lie beyond it by the rounding of the losses.
    rounding = 4 * np.finfo(np.float64).eps * (np.abs(path[1:]) + np.abs(path[:-1]) + abs(lowest))
    share = float((gap[1:] <= allowed + rounding)[judged].mean())
    low, high = wilson(share, n, level)
    with np.errstate(divide="ignore", invalid="ignore"):
        worst = float(np.nanmax(gap[1:][judged] / allowed[judged]))
    return Estimate(share, float(low), float(high), level, "wilson", n, flags, {"worst": worst})
