"""Means and covariances of a state at one time, as numbers to hold a simulation against."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import SdesimError
from sdesim.kinds.numbers import number

Array = NDArray[np.float64]


class Moments(NamedTuple):
    """Of x_t: mean (d,) and covariance (d, d); ∞ or NaN where a moment does not exist."""

    mean: Array
    covariance: Array


def known_time(t: float) -> float:
    """The time as a float of at least 0, ∞ for the stationary law.

    Raises:
        SdesimError: it is below 0 or no number.
    """
    time = number(t, "t")
    if not time >= 0.0:
        raise SdesimError(f"t must be a number of at least 0, got {time:g}")
    return time
