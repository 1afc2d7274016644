"""Surfaces of one's own functions that several cases share, and the data set of the least-squares cases."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from scipy import stats

from analysis.ground_truth.exact import Array
from sdesim.surfaces import LeastSquares, custom

ETA = 0.2


@cache
def maps() -> Any:
    """Five one-dimensional maps of gradient descent at η = 0.2, one per coordinate.

    V′ = 11x − x³ (a bowl that softens);  x − ηV′ = 4x(1 − x) (logistic);  V′ = x³ − rx for r = −1, 0, 1.
    """

    def loss(x):  # type: ignore[no-untyped-def]
        softened = 5.5 * x[0] ** 2 - 0.25 * x[0] ** 4
        logistic = 5.0 * (4.0 * x[1] ** 3 / 3.0 - 1.5 * x[1] ** 2)
        quartic = 0.25 * (x[2] ** 4 + x[3] ** 4 + x[4] ** 4)
        return softened + logistic + quartic + 0.5 * x[2] ** 2 - 0.5 * x[4] ** 2

    def grad(x):  # type: ignore[no-untyped-def]
        g = x**3
        g[0] = 11.0 * x[0] - x[0] ** 3
        g[1] = 5.0 * x[1] * (4.0 * x[1] - 3.0)
        g[2] += x[2]
        g[4] -= x[4]
        return g

    return custom(loss, grad, dim=5)


@cache
def quartic() -> Any:
    """V = x⁴/4."""
    return custom(lambda x: 0.25 * x[0] ** 4, lambda x: x**3, lambda x, v: 3.0 * x**2 * v, dim=1)


@cache
def rotating(a: float, w: float) -> Any:
    """The drift −ax + wJx of the plane, J the quarter turn; no loss has it as its gradient."""

    def grad(x):  # type: ignore[no-untyped-def]
        g = np.empty(2)
        g[0] = a * x[0] + w * x[1]
        g[1] = a * x[1] - w * x[0]
        return g

    return custom(lambda x: 0.5 * a * (x[0] ** 2 + x[1] ** 2), grad, dim=2, conservative=False)


def inputs() -> Array:
    """32 numbers a_i at the quantiles of a standard normal."""
    return np.asarray(stats.norm.ppf((np.arange(32) + 0.5) / 32))


def regression(label_noise: float) -> LeastSquares:
    """Every a_i with both targets ± t: 64 examples of a one-dimensional fit whose answer is 0."""
    a = np.repeat(inputs(), 2)
    return LeastSquares(a[:, None], label_noise * np.tile([-1.0, 1.0], 32))
