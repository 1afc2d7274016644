# mypy: disable-error-code="misc,call-arg,var-annotated,no-any-return,no-untyped-def,no-untyped-call"
# mypy: disable-error-code="untyped-decorator"
"""Compiled twin of `FlatSharp`, on blocks (1, W); signatures as in `SurfaceKernel`."""

from __future__ import annotations

from sdesim.compiled.elementary import fma
from sdesim.compiled.jit import compiled


@compiled
def loss(x, params, data0, data1, out):
    """q₁ q₂/(q₁ + q₂)."""
    half = params[2]
    for w in range(x.shape[1]):
        left = x[0, w] + half
        right = x[0, w] - half
        q1 = 0.5 * params[0] * (left * left)
        q2 = 0.5 * params[1] * (right * right)
        out[w] = q1 * (q2 / fma(0.5 * params[0], left * left, q2))


@compiled
def grad(x, params, data0, data1, out):
    """q₁′ (q₂/S)² + q₂′ (q₁/S)², S = q₁ + q₂; params = [k₁, k₂, half separation, barrier top]."""
    half = params[2]
    for w in range(x.shape[1]):
        left = x[0, w] + half
        right = x[0, w] - half
        slope1 = params[0] * left
        slope2 = params[1] * right
        q1 = slope1 * left
        q2 = slope2 * right
        total = fma(slope1, left, q2)
        share1 = q1 / total
        share2 = q2 / total
        out[0, w] = fma(slope1, share2 * share2, slope2 * (share1 * share1))


@compiled
def hvp(x, v, params, data0, data1, out):
    """(k₁ (q₂/S)² + k₂ (q₁/S)² − 2 (q₁′q₂ − q₂′q₁)²/S³) v."""
    half = params[2]
    for w in range(x.shape[1]):
        left = x[0, w] + half
        right = x[0, w] - half
        slope1 = params[0] * left
        slope2 = params[1] * right
        q1 = 0.5 * (slope1 * left)
        q2 = 0.5 * (slope2 * right)
        total = fma(0.5 * slope1, left, q2)
        share1 = q1 / total
        share2 = q2 / total
        cross = fma(slope1, share2, -(slope2 * share1))
        curvature = fma(params[0], share2 * share2, params[1] * (share1 * share1))
        out[0, w] = (curvature - 2.0 * (cross * cross) / total) * v[0, w]


@compiled
def well(x, lane, params):
    """0 left of the barrier top, 1 from it on, −1 for NaN."""
    y = x[0, lane]
    if y < params[3]:
        return 0
    if y >= params[3]:
        return 1
    return -1
