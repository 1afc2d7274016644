# mypy: disable-error-code="misc,call-arg,var-annotated,no-any-return,no-untyped-def,no-untyped-call"
# mypy: disable-error-code="untyped-decorator"
"""Compiled twin of `Product`, on blocks (d, W); signatures as in `SurfaceKernel`."""

from __future__ import annotations

import numpy as np

from sdesim.compiled.elementary import fma
from sdesim.compiled.jit import compiled
from sdesim.surfaces.shared_kernels import single_well as single_well


@compiled
def _others(x, out):
    """out[i] = ∏_{j≠i} x_j, without division; the whole product (W,)."""
    d, width = x.shape
    product = np.ones(width)
    for i in range(d):
        for w in range(width):
            out[i, w] = product[w]
            product[w] *= x[i, w]
    behind = np.ones(width)
    for i in range(d - 1, -1, -1):
        for w in range(width):
            out[i, w] *= behind[w]
            behind[w] *= x[i, w]
    return product


@compiled
def loss(x, params, data0, data1, out):
    """½ (P − 1)²."""
    d, width = x.shape
    out[:] = 1.0
    for i in range(d):
        for w in range(width):
            out[w] *= x[i, w]
    for w in range(width):
        away = out[w] - 1.0
        out[w] = 0.5 * (away * away)


@compiled
def grad(x, params, data0, data1, out):
    """(P − 1) ∏_{j≠i} x_j, P = ∏ x_j."""
    d, width = x.shape
    product = _others(x, out)
    for i in range(d):
        for w in range(width):
            out[i, w] *= product[w] - 1.0


@compiled
def hvp(x, v, params, data0, data1, out):
    """P_i Σ_j P_j v_j + (P − 1) R{P_i}, P_i = ∏_{j≠i} x_j and R{·} the derivative along v."""
    d, width = x.shape
    others = np.empty((d, width))
    product = _others(x, others)
    slope = np.zeros(width)
    for i in range(d):
        for w in range(width):
            slope[w] += others[i, w] * v[i, w]
    # P_i is a prefix product times a suffix product; each is moved along v with its own tangent.
    before, r_before = np.ones(width), np.zeros(width)
    suffix, r_suffix = np.ones((d + 1, width)), np.zeros((d + 1, width))
    for i in range(d - 1, -1, -1):
        for w in range(width):
            suffix[i, w] = suffix[i + 1, w] * x[i, w]
            r_suffix[i, w] = fma(r_suffix[i + 1, w], x[i, w], suffix[i + 1, w] * v[i, w])
    for i in range(d):
        for w in range(width):
            moved = fma(r_before[w], suffix[i + 1, w], before[w] * r_suffix[i + 1, w])
            out[i, w] = fma(others[i, w], slope[w], (product[w] - 1.0) * moved)
            r_before[w] = fma(r_before[w], x[i, w], before[w] * v[i, w])
            before[w] *= x[i, w]
