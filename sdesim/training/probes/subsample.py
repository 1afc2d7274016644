"""λ_max of all examples from those that a monitor holds for the Hessian."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdesim.estimators.curvature.subsampled import GROUPS, subsampled
from sdesim.io.threads import single_blas_thread

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
        found = subsampled(product, n, total, int(moving.sum()), rng)
    return {
        "lambda_max_halves": found.halves,
        "lambda_max_crossed": found.crossed,
        "lambda_max_error": found.error,
    }
