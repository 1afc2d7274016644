# mypy: disable-error-code="misc,call-arg,var-annotated,no-any-return,no-untyped-def,no-untyped-call"
# mypy: disable-error-code="untyped-decorator"
"""Compiled twins of the classic test functions, on blocks (d, W); signatures as in `SurfaceKernel`."""

from __future__ import annotations

import numpy as np

from sdesim.compiled.elementary import fma
from sdesim.compiled.jit import compiled
from sdesim.surfaces.simple_kernels import single_well as single_well


@compiled
def rosenbrock_grad(x, params, data0, data1, out):
    """−400 x_i (x_{i+1} − x_i²) − 2 (1 − x_i) + 200 (x_i − x_{i−1}²), each part where it exists."""
    d, width = x.shape
    out[:, :] = 0.0
    for i in range(d - 1):
        for w in range(width):
            bend = x[i + 1, w] - x[i, w] * x[i, w]
            out[i, w] -= 400.0 * x[i, w] * bend
            out[i, w] -= 2.0 * (1.0 - x[i, w])
            out[i + 1, w] += 200.0 * bend


@compiled
def rosenbrock_loss(x, params, data0, data1, out):
    """Σ_i 100 (x_{i+1} − x_i²)² + (1 − x_i)²."""
    d, width = x.shape
    out[:] = 0.0
    for i in range(d - 1):
        for w in range(width):
            bend = x[i + 1, w] - x[i, w] * x[i, w]
            away = 1.0 - x[i, w]
            out[w] += 100.0 * (bend * bend)
            out[w] += away * away


@compiled
def rosenbrock_hvp(x, v, params, data0, data1, out):
    """Row i: (1200 x_i² − 400 x_{i+1} + 2) v_i − 400 x_i v_{i+1}; row i + 1: 200 v_{i+1} − 400 x_i v_i."""
    d, width = x.shape
    out[:, :] = 0.0
    for i in range(d - 1):
        for w in range(width):
            y = x[i, w]
            out[i, w] += (400.0 * (3.0 * (y * y) - x[i + 1, w]) + 2.0) * v[i, w]
            out[i, w] -= 400.0 * y * v[i + 1, w]
            out[i + 1, w] += 200.0 * v[i + 1, w]
            out[i + 1, w] -= 400.0 * y * v[i, w]


@compiled
def rosenbrock_well(x, lane, params):
    """0 for x₀ ≥ 0, 1 for x₀ < 0, −1 for a state that is not finite."""
    if single_well(x, lane, params) < 0:
        return -1
    return 1 if x[0, lane] < 0.0 else 0


@compiled
def styblinski_grad(x, params, data0, data1, out):
    """2 x³ − 16 x + 5/2."""
    d, width = x.shape
    for i in range(d):
        for w in range(width):
            y = x[i, w]
            out[i, w] = (2.0 * (y * y) - 16.0) * y + 2.5


@compiled
def styblinski_loss(x, params, data0, data1, out):
    """½ Σ_i x⁴ − 16 x² + 5 x."""
    d, width = x.shape
    out[:] = 0.0
    for i in range(d):
        for w in range(width):
            y = x[i, w]
            out[w] += 0.5 * (((y * y - 16.0) * y + 5.0) * y)


@compiled
def styblinski_hvp(x, v, params, data0, data1, out):
    """(6 x² − 16) v."""
    d, width = x.shape
    for i in range(d):
        for w in range(width):
            out[i, w] = (6.0 * (x[i, w] * x[i, w]) - 16.0) * v[i, w]


@compiled
def styblinski_well(x, lane, params):
    """Which coordinates are right of the top, as a binary number, or how many; params = [top, which?]."""
    index = 0
    if single_well(x, lane, params) < 0:
        return -1
    for i in range(x.shape[0]):
        right = 1 if x[i, lane] >= params[0] else 0
        index = 2 * index + right if params[1] != 0.0 else index + right
    return index


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
def product_grad(x, params, data0, data1, out):
    """(P − 1) ∏_{j≠i} x_j, P = ∏ x_j."""
    d, width = x.shape
    product = _others(x, out)
    for i in range(d):
        for w in range(width):
            out[i, w] *= product[w] - 1.0


@compiled
def product_loss(x, params, data0, data1, out):
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
def product_hvp(x, v, params, data0, data1, out):
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
