"""Mean and central moments of numbers that come in chunks, merged without loss of digits."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Moments:
    """n numbers: their mean, and Σ (x − mean)^k for k = 2, 3, 4; a number that is not finite makes all NaN.

    Source: P. Pébay, Formulas for robust, one-pass parallel computation of covariances and arbitrary-order
    statistical moments, Sandia report SAND2008-6212 (2008), eqs. (2.1), (3.1).
    """

    n: int = 0
    mean: float = 0.0
    second: float = 0.0
    third: float = 0.0
    fourth: float = 0.0

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Moments:
        """Those of an array (n,)."""
        with np.errstate(invalid="ignore", over="ignore"):
            mean = float(values.mean())
            centred = values - mean
            square = centred * centred
            return cls(
                values.size, mean, float(square.sum()), float((square * centred).sum()),
                float((square * square).sum()),
            )  # fmt: skip

    def __add__(self, other: Moments) -> Moments:
        """Those of both together."""
        if not self.n or not other.n:
            return other if other.n else self
        a, b = self.n, other.n
        n, delta = a + b, other.mean - self.mean
        ratio = delta / n
        second = self.second + other.second + a * b * delta * ratio
        third = self.third + other.third + a * b * (a - b) * delta * ratio**2
        third += 3.0 * (a * other.second - b * self.second) * ratio
        fourth = self.fourth + other.fourth + a * b * (a * a - a * b + b * b) * delta * ratio**3
        fourth += 6.0 * (a * a * other.second + b * b * self.second) * ratio**2
        fourth += 4.0 * (a * other.third - b * self.third) * ratio
        return Moments(n, self.mean + b * ratio, second, third, fourth)

    @property
    def variance(self) -> float:
        """Unbiased; ∞ of one number."""
        return self.second / (self.n - 1) if self.n > 1 else math.inf

    @property
    def standard_error(self) -> float:
        """Of the mean."""
        return math.sqrt(self.variance / self.n) if self.n > 1 else math.inf

    @property
    def kurtosis(self) -> float:
        """m₄/m₂²; 3 of normal numbers, 1 where all are the same."""
        return self.n * self.fourth / self.second**2 if self.second > 0.0 else 1.0
