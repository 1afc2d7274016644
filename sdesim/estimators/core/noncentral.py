"""The noncentral F law, and the interval it gives for C: n·C_lit ~ F′(d, d(n−1), n·d·C) in white noise."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, gammaln, xlogy

Array = NDArray[np.float64]
_TERMS = 4000


def noncentral_f_cdf(f: float, d1: float, d2: float, noncentrality: float) -> float:
    """P(F ≤ f) as the Poisson mixture Σⱼ Pois(j; λ/2) I_x(d₁/2 + j, d₂/2), x = d₁f/(d₁f + d₂).

    The sum runs over 12 standard deviations of the Poisson law; where those are more than 4,000 terms, over
    an even grid of them (the summand is then smooth on the scale of the grid).
    """
    if f <= 0:
        return 0.0
    x = d1 * f / (d1 * f + d2)
    half = 0.5 * noncentrality
    if half == 0.0:
        return float(betainc(0.5 * d1, 0.5 * d2, x))
    reach = 12 * math.sqrt(half + 1) + 20
    first, last = max(0, math.floor(half - reach)), math.ceil(half + reach)
    stride = max(1, (last - first) // _TERMS)
    j = np.arange(first, last + 1, stride, dtype=np.float64)
    weight = np.exp(xlogy(j, half) - half - gammaln(j + 1))
    a, b = 0.5 * d1 + j, 0.5 * d2
    share = successive_betainc(a, b, x) if stride == 1 else betainc(a, b, x)
    return float(weight @ share / weight.sum())


def successive_betainc(a: Array, b: float, x: float) -> Array:
    """I_x(a, b) for a rising in ones. Each exceeds the next by x^a (1−x)^b / (a B(a, b)), x (a+b−1)/a times
    the excess before it. Excesses are multiplied away from the largest; they sum up to first less last."""
    ratio = x * (a[:-1] + b) / (a[:-1] + 1)
    top = min(int(np.searchsorted(-ratio, -1.0)), len(ratio) - 1)
    # What is 10³⁰⁸ times smaller than the largest is none.
    with np.errstate(over="ignore"):
        before = 1.0 / np.cumprod(ratio[:top][::-1])[::-1]
    excess = np.concatenate([before, [1.0], np.cumprod(ratio[top:-1])])
    first, last = betainc(a[[0, -1]], b, x)
    below = np.cumsum(excess[::-1])
    return np.append(last + (first - last) * (below / below[-1])[::-1], last)


def noncentrality_interval(f: float, d1: float, d2: float, level: float) -> tuple[float, float]:
    """Noncentralities λ ≥ 0 at which F is neither below nor above its central `level`; 0 where none is."""
    from scipy.optimize import brentq

    def solve(target: float) -> float:
        if noncentral_f_cdf(f, d1, d2, 0.0) <= target:
            return 0.0
        high = max(d1 * f, 1.0)
        while noncentral_f_cdf(f, d1, d2, high) > target:
            high *= 2
        return float(brentq(lambda x: noncentral_f_cdf(f, d1, d2, x) - target, 0.0, high, rtol=1e-10))

    tail = 0.5 * (1 - level)
    return solve(1 - tail), solve(tail)


def consolidation_interval(literal: float, n: int, dim: float, level: float) -> tuple[float, float]:
    """Interval of C from |ḡ|²/TrΣ̂ of n draws whose noise is white in `dim` dimensions."""
    low, high = noncentrality_interval(n * literal, dim, dim * (n - 1), level)
    return low / (n * dim), high / (n * dim)


def effective_rank(trace: float, trace_of_square: float, dim: float) -> float:
    """(TrΣ)²/TrΣ², within [1, d]."""
    return float(np.clip(trace**2 / trace_of_square, 1.0, dim)) if trace_of_square > 0 else float(dim)


def trace_of_square_from_gram(gram: Array) -> float:
    """Tr Σ² of Gaussian draws from the Gram matrix (n, n) of their centred rows, unbiased.

    (n−1)²/((n−2)(n+1)) (TrS² − (TrS)²/(n−1)), Srivastava, J. Japan Stat. Soc. 35, 2005.
    """
    n = len(gram)
    trace = float(np.trace(gram)) / (n - 1)
    square = float((gram**2).sum()) / (n - 1) ** 2
    return (n - 1) ** 2 / ((n - 2) * (n + 1)) * (square - trace**2 / (n - 1))


def trace_of_square_from_deviations(deviation: Array) -> float:
    """Tr Σ² of Gaussian draws from the spread of |eᵢ|², whose variance is 2(1 − 1/n)² Tr Σ²."""
    n = len(deviation)
    return float(deviation.var(ddof=1)) / (2 * (1 - 1 / n) ** 2)
