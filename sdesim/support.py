"""What a quantity can be, and the ends of an interval within it, by `estimators.core.support`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Support:
    """What a quantity can be.

    Attributes:
        low, high: its ends, which may be infinite.
        debiased: whether chance may carry measured values beyond them.
    """

    low: float = -math.inf
    high: float = math.inf
    debiased: bool = False

    @property
    def transform(self) -> str:
        """Name of the scale on which the interval of a mean is Student's: "plain", "log" or "logit"."""
        if self.debiased or (math.isinf(self.low) and math.isinf(self.high)):
            return "plain"
        return "log" if math.isinf(self.low) or math.isinf(self.high) else "logit"

    def holds(self, values: ArrayLike) -> bool:
        """Whether no value that is a number lies outside."""
        x = np.asarray(values, dtype=np.float64)
        return not bool(((x < self.low) | (x > self.high)).any())

    def cut(self, low: ArrayLike, high: ArrayLike) -> tuple[Array, Array]:
        """Both ends of an interval brought into the support; NaN stays NaN."""
        return np.clip(low, self.low, self.high), np.clip(high, self.low, self.high)

    def interval(self, value: ArrayLike, half: ArrayLike) -> tuple[Array, Array]:
        """Ends of the interval of a value within the support with the half-width on the plain scale."""
        m, e = np.asarray(value, dtype=np.float64), np.asarray(half, dtype=np.float64)
        if self.transform == "plain":
            with np.errstate(invalid="ignore"):
                return self.cut(m - e, m + e)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if self.transform == "logit":
                u = (m - self.low) / (self.high - self.low)
                width = e / ((self.high - self.low) * u * (1 - u))
                ends = [u / (u + (1 - u) * np.exp(x)) for x in (width, -width)]
                low, high = (self.low + (self.high - self.low) * x for x in ends)
            elif math.isinf(self.high):
                low, high = (self.low + (m - self.low) * np.exp(x / (m - self.low)) for x in (-e, e))
            else:
                low, high = (self.high - (self.high - m) * np.exp(x / (self.high - m)) for x in (e, -e))
        # No spread is no width, at an end of the support too, where the scale is infinite.
        low, high = (np.where(e == 0, m, x) for x in (low, high))
        # Rounding must carry no end past the value or the support.
        middle = np.where(np.isnan(e), np.nan, m)
        return self.cut(np.fmin(low, middle), np.fmax(high, middle))


ANYTHING, POSITIVE, SHARE, CORRELATION = Support(), Support(0.0), Support(0.0, 1.0), Support(-1.0, 1.0)
# Of C and of |μ|², freed of their bias.
DEBIASED = Support(0.0, debiased=True)
# Of a stable law, where the fit is free to leave it.
TAILS = Support(0.0, 2.0, debiased=True)
