# mypy: disable-error-code="misc,call-arg,var-annotated,no-any-return,no-untyped-def,no-untyped-call"
# mypy: disable-error-code="untyped-decorator"
"""Compiled twin of `DoubleWell`, on blocks (d, W); signatures as in `SurfaceKernel`."""

from __future__ import annotations

from sdesim.compiled.elementary import fma
from sdesim.compiled.jit import compiled


@compiled
def loss(x, params, data0, data1, out):
    """b (x² − 1)² + tilt x, plus ½ x_i² for the other coordinates."""
    d, width = x.shape
    for w in range(width):
        y = x[0, w]
        bowl = y * y - 1.0
        out[w] = fma(params[0], bowl * bowl, params[1] * y)
    for i in range(1, d):
        for w in range(width):
            out[w] += 0.5 * (x[i, w] * x[i, w])


@compiled
def grad(x, params, data0, data1, out):
    """4b x(x² − 1) + tilt in the first coordinate, x in the others; params = [b, tilt, barrier top]."""
    d, width = x.shape
    for w in range(width):
        y = x[0, w]
        out[0, w] = (4.0 * params[0]) * y * (y * y - 1.0) + params[1]
    for i in range(1, d):
        for w in range(width):
            out[i, w] = x[i, w]


@compiled
def slope(y, i, params):
    """One entry of the gradient."""
    if i > 0:
        return y
    return (4.0 * params[0]) * y * (y * y - 1.0) + params[1]


@compiled
def hvp(x, v, params, data0, data1, out):
    """4b (3x² − 1) v in the first coordinate, v in the others."""
    d, width = x.shape
    for w in range(width):
        y = x[0, w]
        out[0, w] = (4.0 * params[0]) * (3.0 * (y * y) - 1.0) * v[0, w]
    for i in range(1, d):
        for w in range(width):
            out[i, w] = v[i, w]


@compiled
def well(x, lane, params):
    """0 left of the barrier top, 1 from it on, −1 for NaN."""
    y = x[0, lane]
    if y < params[2]:
        return 0
    if y >= params[2]:
        return 1
    return -1
