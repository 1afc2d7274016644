"""A local linear trend read with errors: exact filter and smoother, at many walks and many series at once.

    x_{k+1} = x_k + δ_k b_k + ξ_k,   b_{k+1} = b_k + ζ_k,   y_k = x_k + ε_k,

with gaps δ_k in time, Var(ξ, ζ) = w_k [[q δ + p δ³/3, p δ²/2], [p δ²/2, p δ]], Var ε_k = v_k: a level that
walks (variance q per unit of time) along a slope that walks (p). q = p = 0 is a straight line, p = 0 the
local level with a drift, q = 0 the cubic smoothing spline. First level and slope are diffuse. Harvey (1989),
Forecasting, Structural Time Series Models and the Kalman Filter, 2.3 and 4.6; smoother and residuals of
de Jong (1989, J. Amer. Statist. Assoc. 84, 1085) and Harvey and Koopman (1992, J. Bus. Econ. Stat. 10, 377).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
# Variance of the first slope per mean gap, over the square of the readings' range.
_DIFFUSE = 1e4


@dataclass(frozen=True)
class Smoothed:
    """What `smoothed_level` gives.

    Attributes:
        level, variance: of x given all readings, (k, N, G) with one row a place.
        likelihood: log-likelihood of each walk, (N, G); those of one series can be compared.
        residual: of each reading from what the others say of it, in its standard deviations, (k, N, G); 0
            where there is no reading.
    """

    level: Array
    variance: Array
    likelihood: Array
    residual: Array


@dataclass(frozen=True)
class _Step:
    """The filter at one place: moments with its reading, and what the reading was against the prediction."""

    x: Array
    xx: Array
    xb: Array
    gain: Array
    turned: Array
    surprise: Array
    weight: Array


def smoothed_level(y: Array, error2: Array, gaps: Array, level_walk: Array, slope_walk: Array) -> Smoothed:
    """Smooth N series of k readings under G walks each.

    Args:
        y: readings (N, k), NaN where there is none; what comes before the first is not made.
        error2: v > 0, (N, k, G).
        gaps: δ > 0, (N, k − 1), about 1 on average.
        level_walk, slope_walk: w q and w p, (N, k − 1, G).
    """
    steps, likelihood = _filter(y, error2, gaps, level_walk, slope_walk)
    level, variance, residual = _smoother(steps, gaps)
    return Smoothed(level, variance, likelihood, residual)


def _filter(y: Array, error2: Array, gaps: Array, walk: Array, turn: Array) -> tuple[list[_Step], Array]:
    n, count = y.shape
    shape = (n, error2.shape[-1])
    x, b, xx, xb, bb, det, likelihood = (np.zeros(shape) for _ in range(7))
    started = np.zeros((n, 1), dtype=bool)
    diffuse = _DIFFUSE * _range(y)[:, None] ** 2
    steps = []
    for k in range(count):
        if k:
            gap, q, p = gaps[:, k - 1, None], walk[:, k - 1], turn[:, k - 1]
            x = x + gap * b
            xx, xb = xx + 2 * gap * xb + gap**2 * bb, xb + gap * bb
            moved, mixed, bent = q * gap + p * gap**3 / 3, p * gap**2 / 2, p * gap
            # The determinant goes its own way: bb·xx − xb² of a slope that is diffuse leaves only rounding.
            det = det + xx * bent + bb * moved - 2 * xb * mixed + moved * bent - mixed**2
            xx, xb, bb = xx + moved, xb + mixed, bb + bent
        seen = np.isfinite(y[:, k])[:, None]
        first, later = seen & ~started, seen & started
        read, v = np.where(seen, y[:, k, None], 0.0), np.where(seen, error2[:, k], 1.0)
        total = xx + v
        weight, surprise = np.where(later, 1 / total, 0.0), np.where(later, read - x, 0.0)
        likelihood = likelihood - 0.5 * np.where(later, np.log(total) + surprise**2 * weight, 0.0)
        gain, turned = xx * weight, xb * weight
        x, b = x + gain * surprise, b + turned * surprise
        left = v * weight
        xx, xb = np.where(later, left * xx, xx), np.where(later, left * xb, xb)
        bb, det = np.where(later, left * bb + det * weight, bb), np.where(later, left * det, det)
        x, b = np.where(first, read, x), np.where(first, 0.0, b)
        xx, xb, bb = np.where(first, v, xx), np.where(first, 0.0, xb), np.where(first, diffuse, bb)
        det = np.where(first, v * diffuse, det)
        steps.append(_Step(x, xx, xb, gain, turned, surprise, weight))
        started = started | seen
    return steps, likelihood


def _range(y: Array) -> Array:
    """Largest less smallest reading of each series (N, k), at least 1."""
    seen = np.isfinite(y)
    highest, lowest = np.where(seen, y, -np.inf).max(axis=1), np.where(seen, y, np.inf).min(axis=1)
    return np.asarray(np.maximum(highest - lowest, 1.0))


def _smoother(steps: list[_Step], gaps: Array) -> tuple[Array, Array, Array]:
    shape = steps[0].x.shape
    r, s, rr, rs, ss = (np.zeros(shape) for _ in range(5))
    level, variance, residual = (np.empty((len(steps), *shape)) for _ in range(3))
    for k in range(len(steps) - 1, -1, -1):
        step = steps[k]
        if k < len(steps) - 1:
            gap = gaps[:, k, None]
            s = s + gap * r
            ss = ss + 2 * gap * rs + gap**2 * rr
            rs = rs + gap * rr
        # From the moments with the reading: those of the prediction are diffuse at the second place.
        level[k] = step.x + step.xx * r + step.xb * s
        variance[k] = step.xx - (step.xx**2 * rr + 2 * step.xx * step.xb * rs + step.xb**2 * ss)
        gain, turned = step.gain, step.turned
        pulled = step.weight * step.surprise - gain * r - turned * s
        spread = step.weight + gain**2 * rr + 2 * gain * turned * rs + turned**2 * ss
        residual[k] = pulled / np.sqrt(np.where(spread > 0, spread, 1.0))
        kept = 1 - gain
        rr, rs = (
            step.weight + kept**2 * rr - 2 * kept * turned * rs + turned**2 * ss,
            kept * rs - turned * ss,
        )
        r = r + pulled
    return level, np.maximum(variance, 0.0), residual
