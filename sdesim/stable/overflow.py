"""Points whose distance in scales, z = (x − loc)/scale, is beyond the largest float64."""

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
