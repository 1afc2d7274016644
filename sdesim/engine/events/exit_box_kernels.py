# mypy: disable-error-code="untyped-decorator,no-untyped-def"
"""Compiled walls of a box; signatures as in `Region`; params = [lower₀, upper₀, lower₁, …]."""

from __future__ import annotations

import math

from sdesim.compiled.jit import compiled


@compiled
def nearest(x, params, shift, inverse, out):
    """The least (distance − shift) inverse over the walls."""
    d, width = x.shape
    for w in range(width):
        out[w] = math.inf
    for k in range(d):
        lower, upper = params[2 * k], params[2 * k + 1]
        s0, s1, i0, i1 = shift[2 * k], shift[2 * k + 1], inverse[2 * k], inverse[2 * k + 1]
        for w in range(width):
            below = (x[k, w] - lower - s0) * i0
            above = (upper - x[k, w] - s1) * i1
            least = below if below < above else above
            out[w] = out[w] if out[w] < least else least


@compiled
def gap(x, lane, wall, params):
    """x − lower, or upper − x, of the wall's coordinate."""
    value = x[wall // 2, lane]
    return value - params[wall] if wall % 2 == 0 else params[wall] - value


@compiled
def normal(x, lane, wall, params, out):
    """∓1 along the wall's coordinate."""
    for k in range(out.shape[0]):
        out[k] = 0.0
    out[wall // 2] = -1.0 if wall % 2 == 0 else 1.0
