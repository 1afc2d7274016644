# mypy: disable-error-code="misc,call-arg,var-annotated,no-any-return,no-untyped-def,no-untyped-call"
# mypy: disable-error-code="untyped-decorator"
"""Compiled twin of `Styblinski`, on blocks (d, W); signatures as in `SurfaceKernel`."""

from __future__ import annotations

from sdesim.compiled.jit import compiled
from sdesim.surfaces.shared_kernels import single_well as single_well


@compiled
def loss(x, params, data0, data1, out):
    """½ Σ_i x⁴ − 16 x² + 5 x."""
    d, width = x.shape
    out[:] = 0.0
    for i in range(d):
        for w in range(width):
            y = x[i, w]
            out[w] += 0.5 * (((y * y - 16.0) * y + 5.0) * y)


@compiled
def grad(x, params, data0, data1, out):
    """2 x³ − 16 x + 5/2."""
    d, width = x.shape
    for i in range(d):
        for w in range(width):
            y = x[i, w]
            out[i, w] = (2.0 * (y * y) - 16.0) * y + 2.5


@compiled
def slope(y, i, params):
    """One entry of the gradient."""
    return (2.0 * (y * y) - 16.0) * y + 2.5


@compiled
def hvp(x, v, params, data0, data1, out):
    """(6 x² − 16) v."""
    d, width = x.shape
    for i in range(d):
        for w in range(width):
            out[i, w] = (6.0 * (x[i, w] * x[i, w]) - 16.0) * v[i, w]


@compiled
def well(x, lane, params):
    """Which coordinates are right of the top, as a binary number, or how many; params = [top, which?]."""
    index = 0
    if single_well(x, lane, params) < 0:
        return -1
    for i in range(x.shape[0]):
        right = 1 if x[i, lane] >= params[0] else 0
        index = 2 * index + right if params[1] != 0.0 else index + right
    return index
