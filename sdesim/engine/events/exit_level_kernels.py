# mypy: disable-error-code="untyped-decorator,no-untyped-def,no-untyped-call"
"""Compiled wall of a function of one's own; signatures as in `Region`; params = [value]."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from sdesim.compiled.jit import compiled_in_memory

# The cube root of the float64 rounding unit balances truncation h² against rounding ε/h.
_STEP = 6e-6


def level_functions(function: Callable[..., Any]) -> dict[str, Any]:
    """`value` itself, and `nearest`, `gap` and `normal` of f(θ) ≤ value."""
    value = function if hasattr(function, "py_func") else compiled_in_memory(function)

    @compiled_in_memory
    def slope(x, lane, out):
        point = np.empty(x.shape[0])
        for k in range(x.shape[0]):
            point[k] = x[k, lane]
        total = 0.0
        for k in range(x.shape[0]):
            here = point[k]
            step = _STEP * (1.0 + abs(here))
            point[k] = here + step
            ahead = value(point)
            point[k] = here - step
            behind = value(point)
            point[k] = here
            out[k] = (ahead - behind) / (2.0 * step)
            total += out[k] * out[k]
        return value(point), math.sqrt(total)

    @compiled_in_memory
    def gap(x, lane, wall, params):
        height, length = slope(x, lane, np.empty(x.shape[0]))
        return (params[0] - height) / max(length, 1e-300)

    @compiled_in_memory
    def nearest(x, params, shift, inverse, out):
        for w in range(x.shape[1]):
            out[w] = (gap(x, w, 0, params) - shift[0]) * inverse[0]

    @compiled_in_memory
    def normal(x, lane, wall, params, out):
        _, length = slope(x, lane, out)
        for k in range(out.shape[0]):
            out[k] /= max(length, 1e-300)

    return {"value": value, "nearest": nearest, "gap": gap, "normal": normal}
