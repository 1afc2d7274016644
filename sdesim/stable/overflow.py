"""Tails and quantiles at points whose distance in scales, z = (x − loc)/scale, is beyond every float64."""

from __future__ import annotations

import numpy as np

from sdesim.stable.parameters import Array

# From here on a tail is a power of z to the rounding, if α is at least _LEAST.
_EDGE, _LEAST = 1e300, 0.06


def mend(
    out: Array, z: Array, x: Array, loc: Array, scale: Array, alpha: Array, beta: Array, row: int
) -> None:
    """Write the logarithms at finite x where z is not; NaN where α < 0.06, of which no power law tells.

    Args:
        out: logarithms of density (row 0), right (1) or left tail (2), those of an infinite x where z is.
    """
    at = np.isinf(z) & np.isfinite(x) & (alpha < 2.0)
    if not at.any():
        return
    from sdesim.stable.kernels.evaluation import evaluate

    edge, index = np.sign(z[at]) * _EDGE, alpha[at]
    three = np.empty((3, edge.size))
    evaluate(edge, edge, index, beta[at], three)
    distance = np.log(np.abs(0.5 * x - 0.5 * loc)[at]) + np.log(2.0) - np.log(scale[at])
    further = distance - np.log(_EDGE)
    if row == 0:
        found = three[0] - (index + 1.0) * further
    else:
        outer = np.where(edge > 0.0, three[1], three[2]) - index * further
        found = np.where((edge > 0.0) == (row == 1), outer, np.log1p(-np.exp(outer)))
    out[at] = np.where(index < _LEAST, np.nan, found)


def mend_quantiles(
    x: Array, z: Array, log_left: Array, log_right: Array, loc: Array, scale: Array, alpha: Array, beta: Array
) -> None:
    """Write x = loc ± c|z| where z is infinite but its tails are not 0: log|z| of the power law of the tail.

    NaN where α < 0.06 and c < 1, of which no power law tells.

    Args:
        log_left, log_right: log P(X ≤ x) and log P(X > x) that are asked for.
    """
    at = np.isinf(z) & np.isfinite(log_left) & np.isfinite(log_right) & (alpha < 2.0)
    if not at.any():
        return
    from sdesim.stable.kernels.evaluation import evaluate

    side, index, width = np.sign(z[at]), alpha[at], scale[at]
    edge = side * _EDGE
    three = np.empty((3, edge.size))
    evaluate(edge, edge, index, beta[at], three)
    right = side > 0.0
    short = np.where(right, three[1] - log_right[at], three[2] - log_left[at])
    with np.errstate(over="ignore"):
        found = loc[at] + side * np.exp(np.log(_EDGE) + short / index + np.log(width))
    unknown = np.where(width < 1.0, np.nan, side * np.inf)
    x[at] = np.where(index < _LEAST, unknown, found)
