# mypy: disable-error-code="untyped-decorator,no-untyped-def"
"""Compiled wall of a ball; signatures as in `Region`; params = [radius, center (d,)]."""

from __future__ import annotations

import math

from sdesim.compiled.jit import compiled


@compiled
def nearest(x, params, shift, inverse, out):
    """(radius − ‖x − center‖ − shift) inverse."""
    d, width = x.shape
    for w in range(width):
        out[w] = 0.0
    for k in range(d):
        center = params[1 + k]
        for w in range(width):
            away = x[k, w] - center
            out[w] += away * away
    for w in range(width):
        out[w] = (params[0] - math.sqrt(out[w]) - shift[0]) * inverse[0]


@compiled
def gap(x, lane, wall, params):
    """radius − ‖x − center‖."""
    total = 0.0
    for k in range(x.shape[0]):
        away = x[k, lane] - params[1 + k]
        total += away * away
    return params[0] - math.sqrt(total)


@compiled
def normal(x, lane, wall, params, out):
    """Along the radius; along the first coordinate at the center."""
    total = 0.0
    for k in range(out.shape[0]):
        out[k] = x[k, lane] - params[1 + k]
        total += out[k] * out[k]
    length = math.sqrt(total)
    for k in range(out.shape[0]):
        out[k] = out[k] / length if length > 0.0 else 0.0
    if length == 0.0:
        out[0] = 1.0
