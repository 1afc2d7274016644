# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Compiled linear least squares, on blocks (d, W); signatures as in `SurfaceKernel`.

params = [ridge, b (n,)], data0 = A (n, d), data1 = Aᵀ (d, n): with both at hand every product runs along
contiguous memory, whether the block is wide or a single column.
"""

from __future__ import annotations

import numpy as np

from sdesim.compiled.jit import compiled_apart as compiled
from sdesim.compiled.matrices import add_product
from sdesim.surfaces.shared_kernels import single_well as single_well

# Narrower blocks go column by column, so that the inner loop runs over examples; each sum keeps its order.
NARROW = 8


@compiled
def _multiply(m, turned, x, out):
    """out (n, W) += m (n, d) @ x (d, W), turned = mᵀ."""
    inner, width = x.shape
    rows = out.shape[0]
    if width >= NARROW:
        add_product(m, x, out)
        return
    column, total = np.empty((1, inner)), np.empty((1, rows))
    for w in range(width):
        for k in range(inner):
            column[0, k] = x[k, w]
        for i in range(rows):
            total[0, i] = out[i, w]
        add_product(column, turned, total)
        for i in range(rows):
            out[i, w] = total[0, i]


@compiled
def _residuals(x, params, data0, data1):
    """A x − b: (n, W)."""
    n, width = data0.shape[0], x.shape[1]
    out = np.empty((n, width))
    for i in range(n):
        for w in range(width):
            out[i, w] = -params[1 + i]
    _multiply(data0, data1, x, out)
    return out


@compiled
def weighted_grad(x, weights, params, data0, data1, out):
    """Σ_i weights_i ((a_i·x − b_i) a_i + ridge x)."""
    d, width = x.shape
    n = data0.shape[0]
    residuals = _residuals(x, params, data0, data1)
    total = np.zeros(width)
    for i in range(n):
        for w in range(width):
            residuals[i, w] *= weights[i, w]
            total[w] += weights[i, w]
    for k in range(d):
        for w in range(width):
            out[k, w] = params[0] * total[w] * x[k, w]
    _multiply(data1, data0, residuals, out)


@compiled
def grad(x, params, data0, data1, out):
    """Aᵀ(A x − b)/n + ridge x."""
    d, width = x.shape
    n = data0.shape[0]
    residuals = _residuals(x, params, data0, data1)
    for i in range(n):
        for w in range(width):
            residuals[i, w] /= n
    for k in range(d):
        for w in range(width):
            out[k, w] = params[0] * x[k, w]
    _multiply(data1, data0, residuals, out)


@compiled
def loss(x, params, data0, data1, out):
    """|A x − b|²/(2n) + ½ ridge |x|²."""
    d, width = x.shape
    n = data0.shape[0]
    residuals = _residuals(x, params, data0, data1)
    out[:] = 0.0
    for i in range(n):
        for w in range(width):
            out[w] += residuals[i, w] * residuals[i, w]
    norm = np.zeros(width)
    for k in range(d):
        for w in range(width):
            norm[w] += x[k, w] * x[k, w]
    for w in range(width):
        out[w] = 0.5 * (out[w] / n + params[0] * norm[w])


@compiled
def hvp(x, v, params, data0, data1, out):
    """Aᵀ A v/n + ridge v."""
    d, width = x.shape
    n = data0.shape[0]
    along = np.zeros((n, width))
    _multiply(data0, data1, v, along)
    for i in range(n):
        for w in range(width):
            along[i, w] /= n
    for k in range(d):
        for w in range(width):
            out[k, w] = params[0] * v[k, w]
    _multiply(data1, data0, along, out)
