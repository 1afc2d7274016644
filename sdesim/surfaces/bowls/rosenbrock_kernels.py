# mypy: disable-error-code="misc,call-arg,var-annotated,no-any-return,no-untyped-def,no-untyped-call"
# mypy: disable-error-code="untyped-decorator"
"""Compiled twin of `Rosenbrock`, on blocks (d, W); signatures as in `SurfaceKernel`."""

from __future__ import annotations

from sdesim.compiled.jit import compiled
from sdesim.surfaces.shared_kernels import single_well as single_well


@compiled
def loss(x, params, data0, data1, out):
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
def grad(x, params, data0, data1, out):
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
def hvp(x, v, params, data0, data1, out):
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
def well(x, lane, params):
    """0 for x₀ ≥ 0, 1 for x₀ < 0, −1 for a state that is not finite."""
    if single_well(x, lane, params) < 0:
        return -1
    return 1 if x[0, lane] < 0.0 else 0
