"""Compiled functions of `Ring`, on blocks (d, W) of W points; signatures as in `SurfaceKernel`."""

from __future__ import annotations

from sdesim.compiled.jit import compiled


@compiled
def excess(x, w):
    """|x|² − 1 of one point."""
    square = 0.0
    for i in range(x.shape[0]):
        square += x[i, w] * x[i, w]
    return square - 1.0


@compiled
def loss(x, params, data0, data1, out):
    """¼ s (|x|² − 1)²."""
    for w in range(x.shape[1]):
        out[w] = 0.25 * params[0] * excess(x, w) ** 2


@compiled
def grad(x, params, data0, data1, out):
    """s (|x|² − 1) x."""
    for w in range(x.shape[1]):
        slope = params[0] * excess(x, w)
        for i in range(x.shape[0]):
            out[i, w] = slope * x[i, w]


@compiled
def hvp(x, v, params, data0, data1, out):
    """s (|x|² − 1) v + 2 s x (x·v)."""
    for w in range(x.shape[1]):
        slope = params[0] * excess(x, w)
        along = 0.0
        for i in range(x.shape[0]):
            along += x[i, w] * v[i, w]
        for i in range(x.shape[0]):
            out[i, w] = slope * v[i, w] + 2.0 * params[0] * along * x[i, w]
