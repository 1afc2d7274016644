# mypy: disable-error-code="untyped-decorator"
"""Compiled functions t, x (d,) of one state, lifted to blocks (d, W); the time is params[0].

Each column is copied out and handled alone, so that results can't depend on the width of the block.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sdesim.compiled.jit import compiled, compiled_in_memory
from sdesim.surfaces.custom_kernels import STEP


@compiled
def take_column(x: Any, w: Any, point: Any) -> None:
    """Column w of x (d, W) into point (d,)."""
    for k in range(x.shape[0]):
        point[k] = x[k, w]


def block_grad(function: Any, number: bool) -> Any:
    """``grad``: −f(t, x); ``number`` where f gives a number, of one coordinate."""

    @compiled_in_memory
    def grad(x: Any, params: Any, data0: Any, data1: Any, out: Any) -> Any:
        point = np.empty(x.shape[0])
        for w in range(x.shape[1]):
            take_column(x, w, point)
            slope = function(params[0], point)
            for k in range(x.shape[0]):
                out[k, w] = -slope[k]

    @compiled_in_memory
    def grad_of_number(x: Any, params: Any, data0: Any, data1: Any, out: Any) -> Any:
        point = np.empty(1)
        for w in range(x.shape[1]):
            point[0] = x[0, w]
            out[0, w] = -function(params[0], point)

    return grad_of_number if number else grad


def block_hvp(grad: Any) -> Any:
    """``hvp``: central differences of ``grad`` along v, with the step `STEP` (1 + |x|)/|v|."""

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


def block_factor(function: Any, rank: int) -> Any:
    """``factor``: B w for a number (one for all coordinates), (d,) (one each) or (d, k), by the rank of B."""

    @compiled_in_memory
    def number(x: Any, dw: Any, params: Any, data0: Any, data1: Any, out: Any) -> Any:
        point = np.empty(x.shape[0])
        for w in range(x.shape[1]):
            take_column(x, w, point)
            size = function(params[0], point)
            for k in range(x.shape[0]):
                out[k, w] = size * dw[k, w]

    @compiled_in_memory
    def diagonal(x: Any, dw: Any, params: Any, data0: Any, data1: Any, out: Any) -> Any:
        point = np.empty(x.shape[0])
        for w in range(x.shape[1]):
            take_column(x, w, point)
            sizes = function(params[0], point)
            for k in range(x.shape[0]):
                out[k, w] = sizes[k] * dw[k, w]

    @compiled_in_memory
    def matrix(x: Any, dw: Any, params: Any, data0: Any, data1: Any, out: Any) -> Any:
        point = np.empty(x.shape[0])
        for w in range(x.shape[1]):
            take_column(x, w, point)
            sizes = function(params[0], point)
            for k in range(x.shape[0]):
                total = 0.0
                for j in range(dw.shape[0]):
                    total += sizes[k, j] * dw[j, w]
                out[k, w] = total

    return (number, diagonal, matrix)[rank]
