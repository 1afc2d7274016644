"""What is looked at before a sample is fitted: missing values, its mirror image, ties, dependence in time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc

from sdesim.errors import EstimatorError
from sdesim.kinds.arrays import NoNumbers, real_array

Array = NDArray[np.float64]

LEAST = 10
FEW = 200
_LAGS = 4
# Half the false-alarm rate of the flag: there are two series of ranks.
_RARE = 5e-4
_LEAST_SERIES = 50


@dataclass(frozen=True)
class Sample:
    """A sample made ready.

    Attributes:
        ordered: standardised and ascending (n,): (s x − centre)/width.
        sign: s, 1 or −1: of a sample and its mirror image the same one is fitted.
        centre: median. width: half of the distance of the quartiles.
        missing: how many NaN were left out.
        dependence: p-value of independence in time; NaN below 50 values.
    """

    ordered: Array
    sign: float
    centre: float
    width: float
    missing: int
    dependence: float

    @property
    def n(self) -> int:
        """Values fitted."""
        return int(self.ordered.size)

    @property
    def dependent(self) -> bool:
        """Whether values close in time are alike, in value or in size."""
        return self.dependence < 2.0 * _RARE


def real_numbers(x: ArrayLike, shape: str) -> Array:
    """The numbers x as float64.

    Raises:
        EstimatorError: x holds anything but real numbers.
    """
    try:
        return np.asarray(real_array(x), dtype=np.float64)
    except NoNumbers as error:
        raise EstimatorError(f"x: {error}, allowed: numbers {shape}") from None


def prepared(x: ArrayLike) -> Sample:
    """The sample of x (n,), its NaN counted and left out.

    Raises:
        EstimatorError: not one axis, infinite values, fewer than 10 numbers, or half of them equal.
    """
    values = real_numbers(x, "(n,)")
    if values.ndim != 1:
        raise EstimatorError(f"x: found shape {values.shape}, allowed: (n,)")
    infinite = int(np.isinf(values).sum())
    if infinite:
        raise EstimatorError(f"x: found {infinite} infinite values, allowed: finite numbers and NaN")
    kept = values[~np.isnan(values)]
    if kept.size < LEAST:
        raise EstimatorError(f"x: found {kept.size} numbers, allowed: {LEAST} and more")
    order = np.argsort(kept, kind="stable")
    ordered = kept[order]
    sign = _side(ordered)
    if sign < 0:
        ordered = -ordered[::-1]
    low, centre, high = (float(q) for q in np.quantile(ordered, [0.25, 0.5, 0.75]))
    width = 0.5 * (high - low)
    if not width > 0:
        raise EstimatorError("x: found half of its values equal, allowed: samples with distinct quartiles")
    return Sample(
        (ordered - centre) / width, sign, centre, width, values.size - kept.size, dependence(order, sign)
    )


def _side(ordered: Array) -> float:
    """1 or −1, the other one for the mirror image; 1 where the sample is its own."""
    differ = np.flatnonzero(ordered != -ordered[::-1])
    return 1.0 if differ.size == 0 or ordered[differ[0]] > -ordered[::-1][differ[0]] else -1.0


def dependence(order: NDArray[np.int64], sign: float) -> float:
    """Smaller p-value, doubled, of Ljung and Box's test on ranks and on distances of ranks from the middle.

    Ranks, because correlations of heavy tails have no normal law.
    """
    n = order.size
    if n < _LEAST_SERIES:
        return math.nan
    rank = np.empty(n)
    rank[order] = np.arange(n)
    rank -= 0.5 * (n - 1)
    p = []
    for series in (sign * rank, np.abs(rank)):
        series = series - series.mean()
        variance = float(series @ series)
        q = sum(
            (float(series[k:] @ series[:-k]) / variance) ** 2 * (n + 2) * n / (n - k)
            for k in range(1, _LAGS + 1)
        )
        p.append(float(chdtrc(_LAGS, q)))
    return min(1.0, 2.0 * min(p))
