"""What gradient draws say of the step u = u₀ − A g of any optimizer that is linear in the gradient.

One step from one state, exact where the loss is quadratic, with Eu = u₀ − Aμ:

    E ΔL = Eu·μ + ½ EuᵀH Eu + ½ Tr(A H A Σ).

The optimizer's own process, whatever the memory holds at the moment: with Ā the way that a gradient takes θ
over all later steps, d = Āμ + z (z the pull of weight decay), β the momentum and b = β where the step looks
ahead, else 0,

    D = μᵀ(1 + b ĀH) d,    2W = Tr(ĀHĀΣ) + q dᵀHd + b q [Tr(ĀHĀHĀΣ) + dᵀHĀHd],
    q = (1 − β)/(1 + β),  with look-ahead (1 − β)(1 + 2β)/(1 + β),

and D = W on average in the stationary state of a quadratic, exactly, at any rate: per eigendirection of
r = (1 − β)Āλ that is Var θ = ησ²(1 + β)/(λ(1 − β)(2(1 + β) − r)) of heavy ball (Z. Liu, L. Ziyin & M. Ueda,
ICML (2021), arXiv 2012.03636) and the variance of the ARMA(2, 1) that Nesterov's steps make. Without memory D
− W is −E ΔL itself. In units of N = Tr(ĀΣ): C = D/N of this metric stands against C* = W/N.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
# Less noise than this share of the signal can't be told from rounding.
_ROUNDING = 1e-14


class Reading(NamedTuple):
    """A number and its standard error, NaN where that is not known."""

    value: float
    error: float


@dataclass(frozen=True)
class Process:
    """What `process_of_step` finds at the batch of the draws.

    Without noise N stands for 1.

    Attributes:
        ratio: D/N. gap: |μ|²/Tr Σ − D/N.
        bend: the part of W/N without Σ. spread: the part Tr(…Σ)/2N.
    """

    ratio: Reading
    gap: Reading
    bend: float
    spread: Reading


def change_of_step(
    draws: Array, now: Array, start: Array, bent: Array, products: Array, spreads: Array
) -> tuple[Reading, Reading]:
    """E ΔL of one step from this state, in the parts without and with Σ; the second goes as 1/B.

    Args:
        draws: g (n, d), n ≥ 2. now: A (d,). start: u₀ (d,).
        bent: H(u₀ − Aḡ) (d,).
        products: A-scaled deviations A(g − ḡ) (m, d) of some draws; spreads: H of each (m, d).

    Returns:
        Eu·μ + ½EuᵀHEu, debiased, with the jackknife's error; ½Tr(AHAΣ).
    """
    n, mean = len(draws), draws.mean(axis=0)
    square, left = _squares(draws, now)
    terms = _terms(products, spreads, n)
    u = start - now * mean
    value = float(start @ mean) - square + 0.5 * (float(u @ bent) - float(terms.mean()) / n)
    away = (draws - mean) / (n - 1)
    without = -left - away @ start + (away * now) @ bent
    return Reading(value, _jackknife(without)), _mean(0.5 * terms)


def process_of_step(
    draws: Array, whole: Array, pull: Array, damping: Array, lookahead: Array,
    bent: Array, damped: float, products: Array, spreads: Array,
) -> Process:  # fmt: skip
    """C and C* of the optimizer's own process.

    Args:
        draws: g (n, d). whole: Ā. pull: z. damping: q. lookahead: b. Each (d,).
        bent: H d (d,), d = Āḡ + z. damped: (√q d)ᵀH(√q d).
        products: Ā(g − ḡ) (m, d) of some draws; spreads: H of each (m, d).
    """
    n, mean = len(draws), draws.mean(axis=0)
    centred = draws - mean
    d = whole * mean + pull
    square, left = _squares(draws, whole)
    ahead = lookahead * d
    terms, double = _terms(products, spreads, n), whole * lookahead * damping
    looked = _terms(lookahead * products, spreads, n)
    twice = np.einsum("ij,ij->i", spreads * double, spreads) * n / (n - 1)
    descent = square + float(pull @ mean) + float(ahead @ bent) - float(looked.mean()) / n
    noise, without_noise = _traces(centred, whole)
    if noise <= _ROUNDING * abs(square):
        noise, without_noise = 1.0, np.ones(n)
    away = centred / (n - 1)
    without = left - away @ pull - 2 * (away * whole * lookahead) @ bent
    # Of what does not change with one draw the rest.
    without = without + descent - square
    plain, plain_left = _squares(draws, np.ones(len(mean)))
    trace, without_trace = _traces(centred, np.ones(len(mean)))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio, ratios = np.divide(descent, noise), without / without_noise
        gap, gaps = np.divide(plain, trace) - ratio, plain_left / without_trace - ratios
        q = float(np.divide(damping @ whole, whole.sum()))
        bias = (q * float(terms.mean()) + float(twice.mean())) / n
        bend = 0.5 * (damped + float((bent * double) @ bent) - bias) / noise
        spread = _mean(0.5 * (terms + twice) / noise)
    return Process(
        Reading(float(ratio), _jackknife(ratios)), Reading(float(gap), _jackknife(gaps)), float(bend), spread
    )


def _squares(draws: Array, scale: Array) -> tuple[float, Array]:
    """μᵀAμ without the share of the draws' noise, and the same without each draw (n,)."""
    n = len(draws)
    total = draws.sum(axis=0)
    own = np.einsum("ij,ij->i", draws * scale, draws)
    both = float((total * scale) @ total)
    value = (both - float(own.sum())) / (n * (n - 1))
    if n < 3:
        return value, np.full(n, np.nan)
    left = both - 2 * draws @ (scale * total) + own - (own.sum() - own)
    return value, left / ((n - 1) * (n - 2))


def _traces(centred: Array, scale: Array) -> tuple[float, Array]:
    """Tr(AΣ) of the draws, and the same without each of them (n,)."""
    n = len(centred)
    own = np.einsum("ij,ij->i", centred * scale, centred)
    total = float(own.sum())
    if n < 3:
        return total / (n - 1), np.full(n, np.nan)
    return total / (n - 1), (total - own * n / (n - 1)) / (n - 2)


def _terms(products: Array, spreads: Array, n: int) -> Array:
    """Terms (m,) whose mean is Tr(AHAΣ): ḡ holds each draw itself, so that each is low by (n − 1)/n."""
    return np.asarray(np.einsum("ij,ij->i", products, spreads) * n / (n - 1))


def _mean(terms: Array) -> Reading:
    error = float(terms.std(ddof=1)) / math.sqrt(len(terms)) if len(terms) > 1 else math.nan
    return Reading(float(terms.mean()), error)


def _jackknife(without: Array) -> float:
    n = len(without)
    if not np.isfinite(without).all():
        return math.nan
    return math.sqrt((n - 1) / n * float(((without - without.mean()) ** 2).sum()))
