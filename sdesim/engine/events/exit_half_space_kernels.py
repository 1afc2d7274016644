# mypy: disable-error-code="untyped-decorator,no-untyped-def"
"""Compiled wall of a half-space; signatures as in `Region`; params = [offset, unit normal (d,)]."""

from __future__ import annotations

from sdesim.compiled.jit import compiled


@compiled
def nearest(x, params, shift, inverse, out):
    """(offset − normal·x − shift) inverse."""
    d, width = x.shape
    for w in range(width):
        out[w] = 0.0
    for k in range(d):
        share = params[1 + k]
        for w in range(width):
            out[w] += share * x[k, w]
    for w in range(width):
        out[w] = (params[0] - out[w] - shift[0]) * inverse[0]


@compiled
def gap(x, lane, wall, params):
    """offset − normal·x."""
    total = 0.0
    for k in range(x.shape[0]):
        total += params[1 + k] * x[k, lane]
    return params[0] - total


@compiled
def normal(x, lane, wall, params, out):
    """The unit normal."""
    for k in range(out.shape[0]):
        out[k] = params[1 + k]
