# mypy: disable-error-code="misc,call-arg,var-annotated,no-any-return,no-untyped-def,no-untyped-call"
# mypy: disable-error-code="untyped-decorator"
"""Compiled twin of `Quadratic`, on blocks (d, W); signatures as in `SurfaceKernel`."""

from __future__ import annotations

from sdesim.compiled.jit import compiled
from sdesim.surfaces.shared_kernels import single_well as single_well


@compiled
def loss(x, params, data0, data1, out):
    """½ Σ λ_i (x_i − c_i)²."""
    d, width = x.shape
    out[:] = 0.0
    for i in range(d):
        half = 0.5 * params[i]
        for w in range(width):
            y = x[i, w] - params[d + i]
            out[w] += half * (y * y)


@compiled
def grad(x, params, data0, data1, out):
    """λ_i (x_i − c_i); params = [λ (d,), c (d,)]."""
    d, width = x.shape
    for i in range(d):
        rate = params[i]
        center = params[d + i]
        for w in range(width):
            out[i, w] = rate * (x[i, w] - center)


@compiled
def slope(y, i, params):
    """One entry of the gradient."""
    return params[i] * (y - params[params.size // 2 + i])


@compiled
def hvp(x, v, params, data0, data1, out):
    """λ_i v_i."""
    d, width = x.shape
    for i in range(d):
        rate = params[i]
        for w in range(width):
            out[i, w] = rate * v[i, w]


@compiled
def rotated_loss(x, params, data0, data1, out):
    """½ (x − c)ᵀ H (x − c)."""
    d, width = x.shape
    out[:] = 0.0
    for i in range(d):
        for j in range(d):
            half = 0.5 * data0[i, j]
            for w in range(width):
                out[w] += half * ((x[i, w] - params[i]) * (x[j, w] - params[j]))


@compiled
def rotated_grad(x, params, data0, data1, out):
    """H (x − c); params = c (d,), data0 = H (d, d)."""
    d, width = x.shape
    out[:, :] = 0.0
    for i in range(d):
        for j in range(d):
            h = data0[i, j]
            for w in range(width):
                out[i, w] += h * (x[j, w] - params[j])


@compiled
def rotated_hvp(x, v, params, data0, data1, out):
    """H v."""
    d, width = x.shape
    out[:, :] = 0.0
    for i in range(d):
        for j in range(d):
            h = data0[i, j]
            for w in range(width):
                out[i, w] += h * v[j, w]
