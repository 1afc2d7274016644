# mypy: disable-error-code="untyped-decorator"
"""A user's compiled functions of one point, lifted to blocks (d, W); signatures as in `SurfaceKernel`.

Each column is copied out and handled alone, so that results can't depend on the width of the block.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sdesim.compiled.jit import compiled, compiled_in_memory
from sdesim.compiled.tuples import lifted

# The cube root of the float64 rounding unit balances truncation h² against rounding ε/h.
STEP = 6.0554544523933395e-06


@compiled
def column(x: Any, lane: Any) -> Any:
    """One column of a block: (d,)."""
    out = np.empty(x.shape[0])
    for k in range(x.shape[0]):
        out[k] = x[k, lane]
    return out


@compiled
def nearest_well(x: Any, lane: Any, params: Any) -> Any:
    """Index of the nearest of the minima params (m·d,), −1 for a state that is not finite."""
    d = x.shape[0]
    best, index = np.inf, -1
    for m in range(params.shape[0] // d):
        distance = 0.0
        for k in range(d):
            away = x[k, lane] - params[m * d + k]
            distance += away * away
        if distance < best:
            best, index = distance, m
    return index


def block_loss(function: Any) -> Any:
    """``loss(x, params, data0, data1, out)`` of θ → float."""

    @compiled_in_memory
    def loss(x: Any, params: Any, data0: Any, data1: Any, out: Any) -> Any:
        for w in range(x.shape[1]):
            out[w] = function(column(x, w))

    return loss


def block_grad(function: Any) -> Any:
    """``grad(x, params, data0, data1, out)`` of θ → (d,)."""

    @compiled_in_memory
    def grad(x: Any, params: Any, data0: Any, data1: Any, out: Any) -> Any:
        for w in range(x.shape[1]):
            slope = function(column(x, w))
            for k in range(x.shape[0]):
                out[k, w] = slope[k]

    return grad


def block_hvp(function: Any) -> Any:
    """``hvp(x, v, params, data0, data1, out)`` of θ, v → (d,)."""

    @compiled_in_memory
    def hvp(x: Any, v: Any, params: Any, data0: Any, data1: Any, out: Any) -> Any:
        for w in range(x.shape[1]):
            product = function(column(x, w), column(v, w))
            for k in range(x.shape[0]):
                out[k, w] = product[k]

    return hvp


def tuple_grad(function: Any, dim: int, by_tuple: bool) -> Any:
    """``grad`` of a gradient that returns a tuple; ``by_tuple`` where it takes one too."""
    return lifted(function, {"x": dim}, [f"out[{k}, w] = f[{k}]" for k in range(dim)], by_tuple=by_tuple)


def tuple_hvp(function: Any, dim: int, by_tuple: bool) -> Any:
    """``hvp`` of a product that returns a tuple."""
    lines = [f"out[{k}, w] = f[{k}]" for k in range(dim)]
    return lifted(function, {"x": dim, "v": dim}, lines, by_tuple=by_tuple)


def difference_of(function: Any) -> Any:
    """θ, v → (g(θ + hv) − g(θ − hv))/(2h) of a gradient g, h = `STEP` (1 + |θ|)/|v|."""

    @compiled_in_memory
    def product(theta: Any, v: Any) -> Any:
        size, length = 0.0, 0.0
        for k in range(theta.shape[0]):
            size += theta[k] * theta[k]
            length += v[k] * v[k]
        out = np.zeros(theta.shape[0])
        if length == 0.0:
            return out
        h = STEP * (1.0 + math.sqrt(size)) / math.sqrt(length)
        ahead, behind = theta.copy(), theta.copy()
        for k in range(theta.shape[0]):
            ahead[k] += h * v[k]
            behind[k] -= h * v[k]
        after, before = function(ahead), function(behind)
        for k in range(theta.shape[0]):
            out[k] = (after[k] - before[k]) / (2.0 * h)
        return out

    return product


def difference_of_blocks(grad: Any) -> Any:
    """``hvp`` of blocks: central differences of ``grad`` along v, with the step `STEP` (1 + |x|)/|v|."""

    @compiled_in_memory
    def hvp(x: Any, v: Any, params: Any, data0: Any, data1: Any, out: Any) -> Any:
        d, width = x.shape
        h, there, behind = np.empty(width), np.empty((d, width)), np.empty((d, width))
        for w in range(width):
            size, length = 0.0, 0.0
            for k in range(d):
                size += x[k, w] * x[k, w]
                length += v[k, w] * v[k, w]
            h[w] = STEP * (1.0 + math.sqrt(size)) / math.sqrt(length) if length > 0.0 else 1.0
        for k in range(d):
            for w in range(width):
                there[k, w] = x[k, w] - h[w] * v[k, w]
        grad(there, params, data0, data1, behind)
        for k in range(d):
            for w in range(width):
                there[k, w] = x[k, w] + h[w] * v[k, w]
        grad(there, params, data0, data1, out)
        for k in range(d):
            for w in range(width):
                out[k, w] = (out[k, w] - behind[k, w]) / (2.0 * h[w])

    return hvp
