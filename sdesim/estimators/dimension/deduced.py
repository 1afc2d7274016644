"""Dimension of a training path as deduced from the tail index (§8).

A hypothesis: paths of an α-stable process have dimension min(d, α) (Blumenthal & Getoor 1960), and 2 as soon
as a Brownian part is present (d ≥ 2). The literal form is min(d, α) always.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import EstimatorError
from sdesim.estimate import AnyEstimate
from sdesim.estimators.core.places import Number, given, made, masks_of
from sdesim.kinds.numbers import one_of

Array = NDArray[np.float64]


def effective_dimension(
    dim: int, alpha: Number, gaussian_part: bool = False, method: str = "corrected"
) -> AnyEstimate:
    """d_H deduced from d and α.

    corrected: min(d, 2) with a Gaussian part or where α is not told apart from 2 (flag
    `gaussian_not_rejected` of `tail_index`), else min(d, α), at least min(d, 1) because of the drift;
    literal: min(d, α) (§8.2). Always flagged `hypothetical`: it is not a measurement.

    Args:
        dim: d.
        alpha: α, a number or (...,), with or without an interval.
        gaussian_part: whether the noise is known to have one.

    Returns:
        Estimate (...,).

    Raises:
        EstimatorError: dim < 1, unknown method.
    """
    if dim < 1:
        raise EstimatorError(f"dim must be at least 1, got {dim}")
    one_of(method, ("corrected", "literal"), "method", EstimatorError)
    e = given(alpha, flags=())
    if method == "literal":
        return e.mapped(lambda a: np.minimum(float(dim), a), method=method, flags=("hypothetical",))
    plain = e.mapped(lambda a: np.minimum(float(dim), np.clip(a, 1.0, 2.0)), flags=("hypothetical",))
    value, low, high = (np.asarray(x, dtype=np.float64) for x in (plain.value, plain.low, plain.high))
    brownian = np.asarray(gaussian_part | np.asarray(e.has("gaussian_not_rejected"), dtype=bool))
    top, end = min(float(dim), 2.0), np.asarray(e.low, dtype=np.float64)
    least = np.where(np.isnan(end) | gaussian_part, top, np.minimum(top, np.maximum(end, min(dim, 1.0))))
    known = gaussian_part | ~np.isnan(np.asarray(e.value, dtype=np.float64))
    value = np.where(brownian, np.where(known, top, np.nan), value)
    low, high = np.where(brownian, least, low), np.where(brownian, top, high)
    return made(value, low, high, e.level, method, e.n, masks_of(plain))
