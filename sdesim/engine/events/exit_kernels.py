# mypy: disable-error-code="untyped-decorator,no-untyped-def"
"""Compiled walls of an interval of one coordinate; signatures as in `Region`; params = [lower, upper, i]."""

from __future__ import annotations

from sdesim.compiled.jit import compiled


@compiled
def nearest(x, params, shift, inverse, out):
    """min((x − lower − shift₀) inverse₀, (upper − x − shift₁) inverse₁)."""
    row = int(params[2])
    lower, upper = params[0], params[1]
    s0, s1, i0, i1 = shift[0], shift[1], inverse[0], inverse[1]
    for w in range(x.shape[1]):
        below = (x[row, w] - lower - s0) * i0
        above = (upper - x[row, w] - s1) * i1
        out[w] = below if below < above else above


@compiled
def gap(x, lane, wall, params):
    """x − lower, or upper − x."""
    value = x[int(params[2]), lane]
    return value - params[0] if wall == 0 else params[1] - value


@compiled
def normal(x, lane, wall, params, out):
    """∓1 along the coordinate."""
    for k in range(out.shape[0]):
        out[k] = 0.0
    out[int(params[2])] = -1.0 if wall == 0 else 1.0
