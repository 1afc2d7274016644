# mypy: disable-error-code="untyped-decorator"
"""Compiled functions t, x (d,) of one state, lifted to blocks (d, W); the time is params[0].

Each column is copied out and handled alone, so that results can't depend on the width of the block.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sdesim.compiled.jit import compiled, compiled_in_memory
from sdesim.compiled.tuples import lifted


@compiled
def take_column(x: Any, w: Any, point: Any) -> None:
    """Column w of x (d, W) into point (d,)."""
    for k in range(x.shape[0]):
        point[k] = x[k, w]


def block_grad(plain: Any, function: Any, shape: tuple[int, ...], dim: int, by_tuple: bool | None) -> Any:
    """``grad``: −f(t, x).

    Args:
        plain, function: f, and compiled.
        shape: of what it gives, () a number, of one coordinate.
        by_tuple: whether it takes its state for a tuple; None where it returns arrays.
    """
    if by_tuple or (by_tuple is not None and shape):
        lines = [f"out[{k}, w] = -f[{k}]" for k in range(dim)] if shape else ["out[0, w] = -f"]
        return lifted(plain, {"x": dim}, lines, by_tuple=bool(by_tuple), before="params[0], ")

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

    return grad if shape else grad_of_number


def _product(k: int, shape: tuple[int, ...]) -> str:
    """The text of coordinate k of B w."""
    if len(shape) < 2:
        return f"f{f'[{k}]' if shape else ''} * dw[{k}, w]"
    return " + ".join(f"f[{k}][{j}] * dw[{j}, w]" for j in range(shape[1]))


def block_factor(plain: Any, function: Any, shape: tuple[int, ...], dim: int, by_tuple: bool | None) -> Any:
    """``factor``: B w for a number (one for all coordinates), (d,) (one each) or (d, k); as `block_grad`."""
    if by_tuple or (by_tuple is not None and shape):
        lines = [f"out[{k}, w] = {_product(k, shape)}" for k in range(dim)]
        return lifted(plain, {"x": dim}, lines, by_tuple=bool(by_tuple), given=["dw"], before="params[0], ")

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

    return (number, diagonal, matrix)[len(shape)]
