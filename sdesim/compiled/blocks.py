"""The Python side of surfaces that live in compiled functions: points (…, d) in, one block (d, W) through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import SdesimError
from sdesim.kinds.numbers import Array, as_theta, as_vectors

Arrays = tuple[Array, Array, Array]


def _block(points: Array) -> Array:
    """(…, d) → a (d, W) copy: compiled functions take read-only arrays for another type."""
    return np.array(points.reshape(-1, points.shape[-1]).T, order="C", copy=True)


def losses(function: Callable[..., Any], dim: int, theta: ArrayLike, arrays: Arrays) -> Array:
    """L(θ) through a compiled loss: (…, d) → (…)."""
    points = as_theta(theta, dim)
    out = np.empty(points.size // dim)
    function(_block(points), *arrays, out)
    return out.reshape(points.shape[:-1])


def gradients(function: Callable[..., Any], dim: int, theta: ArrayLike, arrays: Arrays) -> Array:
    """∇L(θ) through a compiled gradient: (…, d) → (…, d)."""
    points = as_theta(theta, dim)
    block = _block(points)
    out = np.empty_like(block)
    function(block, *arrays, out)
    return np.ascontiguousarray(out.T).reshape(points.shape)


def products(function: Callable[..., Any], dim: int, theta: ArrayLike, v: ArrayLike, arrays: Arrays) -> Array:
    """∇²L(θ) v through a compiled Hessian-vector product: (…, d), (…, d) → (…, d)."""
    points, vectors = as_vectors(theta, v, dim)
    block = _block(points)
    out = np.empty_like(block)
    function(block, _block(vectors), *arrays, out)
    return np.ascontiguousarray(out.T).reshape(points.shape)


def weighted(
    function: Callable[..., Any], dim: int, theta: ArrayLike, weights: Array, arrays: Arrays
) -> Array:
    """Σ_i weights_i ∇ℓ_i(θ) through a compiled per-example gradient: (d,), (n,) → (d,)."""
    block = _block(as_theta(theta, dim).reshape(1, dim))
    out = np.empty_like(block)
    function(block, np.array(weights, dtype=np.float64).reshape(-1, 1), *arrays, out)
    return out[:, 0]


def chosen(indices: ArrayLike | None, examples: int) -> NDArray[np.int64]:
    """``indices`` as an array (k,), every example without them.

    Raises:
        SdesimError: if an index is not one of the examples'.
    """
    if indices is None:
        return np.arange(examples, dtype=np.int64)
    rows = np.asarray(indices, dtype=np.int64).ravel()
    if rows.size and (rows.min() < 0 or rows.max() >= examples):
        raise SdesimError(f"indices must lie in [0, {examples}), got {rows.min()} to {rows.max()}")
    return rows
