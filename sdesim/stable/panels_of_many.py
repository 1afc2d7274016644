"""Smooth functions at many points, from their values at the nodes of Chebyshev panels."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NODES = 16
_CHEBYSHEV = np.cos(math.pi * (np.arange(NODES) + 0.5) / NODES)
# (2 − δ_k0)/K T_k(node j): coefficients of a function from its values.
_TRANSFORM = np.cos(np.outer(np.arange(NODES), np.arccos(_CHEBYSHEV))) * (2.0 / NODES)
_TRANSFORM[0] *= 0.5


def by_panels(functions: Callable[[Array], Array], t: Array, width: float) -> Array:
    """Values (k, n) of k functions at t (n,), evaluated at 16 nodes of each panel that holds any t.

    Args:
        functions: of points (m,), values (k, m); smooth on panels [j width, (j + 1) width].
        t: finite points (n,).
        width: of a panel.
    """
    cells = np.floor(t / width)
    known, place = np.unique(cells, return_inverse=True)
    at = width * (known[:, None] + 0.5 + 0.5 * _CHEBYSHEV)
    values = functions(at.ravel())
    local = 2.0 * (t / width - cells) - 1.0
    found = np.empty((len(values), t.size))
    for row, v in zip(found, values, strict=True):
        series = (v.reshape(at.shape) @ _TRANSFORM.T)[place]
        b0, b1 = np.zeros_like(local), np.zeros_like(local)
        for k in range(NODES - 1, 0, -1):
            b0, b1 = 2.0 * local * b0 - b1 + series[:, k], b0
        row[:] = series[:, 0] + local * b0 - b1
    return found
