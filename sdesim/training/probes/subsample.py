"""λ_max of all examples from those that a monitor holds for the Hessian."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdesim.estimators.curvature.subsampled import (
    GROUPS,
    PRODUCTS,
    TOLERANCE,
    Subsampled,
    halves_compared,
    subsampled,
)
from sdesim.io.threads import single_blas_thread
from sdesim.training.probes.streamed import Streamed

Array = NDArray[np.float64]


def subsampled_part(
    oracle_of: Callable[[Tensor], Any], n: int, total: int, theta: Array, rng: np.random.Generator,
    moving: NDArray[np.bool_],
) -> dict[str, float]:  # fmt: skip
    """The variables of the schema that the interval of λ_max is made of; nothing of fewer than 16 examples.

    Args:
        oracle_of: numbers of some of the n examples at hand → their `GradientOracle`.
        total: N. theta: (d,). moving: (d,), the coordinates that are trained.
    """
    if n < 2 * GROUPS or not moving.any():
        return {}

    def product(rows: NDArray[np.int64]) -> Callable[[Array], Array]:
        oracle = oracle_of(torch.from_numpy(rows))

        def along(v: Array) -> Array:
            whole = np.zeros(theta.size)
            whole[moving] = v
            return np.asarray(oracle.hvp(theta, whole)[moving])

        return along

    with single_blas_thread():
        return _values(subsampled(product, n, total, int(moving.sum()), rng))


def streamed_subsampled(
    stream_of: Callable[[Tensor], Streamed], n: int, total: int, rng: np.random.Generator
) -> dict[str, float]:
    """The same in four vectors at a time.

    Args:
        stream_of: numbers of some of the n examples at hand → their readings.
    """
    if n < 2 * GROUPS:
        return {}
    order, seed = rng.permutation(n), int(rng.integers(2**31))

    def top(rows: NDArray[np.int64]) -> tuple[float, Tensor]:
        stream = stream_of(torch.from_numpy(rows))
        found = stream.top(stream.begun(seed), tolerance=TOLERANCE, most=PRODUCTS)
        return found.value, found.vector

    def bend(v: Tensor, rows: NDArray[np.int64]) -> float:
        return stream_of(torch.from_numpy(rows)).bend(v)

    return _values(halves_compared(order, total, top, bend))


def _values(found: Subsampled) -> dict[str, float]:
    return {
        "lambda_max_halves": found.halves,
        "lambda_max_crossed": found.crossed,
        "lambda_max_error": found.error,
    }
