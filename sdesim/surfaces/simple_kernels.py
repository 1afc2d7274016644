# mypy: disable-error-code="misc,call-arg,var-annotated,no-any-return,no-untyped-def,no-untyped-call"
# mypy: disable-error-code="untyped-decorator"
"""Compiled twins of the simple surfaces, on blocks (d, W); signatures as in `SurfaceKernel`."""

from __future__ import annotations

from sdesim.compiled.elementary import fma
from sdesim.compiled.jit import compiled


@compiled
def flat_grad(x, params, data0, data1, out):
    """∇L = 0."""
    out[:, :] = 0.0


@compiled
def flat_hvp(x, v, params, data0, data1, out):
    """∇²L v = 0."""
    out[:, :] = 0.0


@compiled
def flat_loss(x, params, data0, data1, out):
    """L = 0."""
    out[:] = 0.0


@compiled
def quadratic_grad(x, params, data0, data1, out):
    """λ_i (x_i − c_i); params = [λ (d,), c (d,)]."""
    d, width = x.shape
    for i in range(d):
        rate = params[i]
        center = params[d + i]
        for w in range(width):
            out[i, w] = rate * (x[i, w] - center)


@compiled
def quadratic_hvp(x, v, params, data0, data1, out):
    """λ_i v_i."""
    d, width = x.shape
    for i in range(d):
        rate = params[i]
        for w in range(width):
            out[i, w] = rate * v[i, w]


@compiled
def quadratic_loss(x, params, data0, data1, out):
    """½ Σ λ_i (x_i − c_i)²."""
    d, width = x.shape
    out[:] = 0.0
    for i in range(d):
        half = 0.5 * params[i]
        for w in range(width):
            y = x[i, w] - params[d + i]
            out[w] += half * (y * y)


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
def double_well_grad(x, params, data0, data1, out):
    """4b x(x² − 1) + tilt in the first coordinate, x in the others; params = [b, tilt, barrier top]."""
    d, width = x.shape
    for w in range(width):
        y = x[0, w]
        out[0, w] = (4.0 * params[0]) * y * (y * y - 1.0) + params[1]
    for i in range(1, d):
        for w in range(width):
            out[i, w] = x[i, w]


@compiled
def double_well_hvp(x, v, params, data0, data1, out):
    """4b (3x² − 1) v in the first coordinate, v in the others."""
    d, width = x.shape
    for w in range(width):
        y = x[0, w]
        out[0, w] = (4.0 * params[0]) * (3.0 * (y * y) - 1.0) * v[0, w]
    for i in range(1, d):
        for w in range(width):
            out[i, w] = v[i, w]


@compiled
def double_well_loss(x, params, data0, data1, out):
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
def flat_sharp_grad(x, params, data0, data1, out):
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
def flat_sharp_hvp(x, v, params, data0, data1, out):
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
def flat_sharp_loss(x, params, data0, data1, out):
    """q₁ q₂/(q₁ + q₂)."""
    half = params[2]
    for w in range(x.shape[1]):
        left = x[0, w] + half
        right = x[0, w] - half
        q1 = 0.5 * params[0] * (left * left)
        q2 = 0.5 * params[1] * (right * right)
        out[w] = q1 * (q2 / fma(0.5 * params[0], left * left, q2))


@compiled
def single_well(x, lane, params):
    """0, or −1 for a state that is not finite."""
    for i in range(x.shape[0]):
        # A difference with itself is 0 for finite numbers only.
        if x[i, lane] - x[i, lane] != 0.0:
            return -1
    return 0


@compiled
def double_well_well(x, lane, params):
    """0 left of the barrier top, 1 from it on, −1 for NaN."""
    y = x[0, lane]
    if y < params[2]:
        return 0
    if y >= params[2]:
        return 1
    return -1


@compiled
def flat_sharp_well(x, lane, params):
    """0 left of the barrier top, 1 from it on, −1 for NaN."""
    y = x[0, lane]
    if y < params[3]:
        return 0
    if y >= params[3]:
        return 1
    return -1
