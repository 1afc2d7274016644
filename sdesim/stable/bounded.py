"""Stable laws kept to an interval, under scipy's method names."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import SdesimError
from sdesim.kinds.border import refusing
from sdesim.kinds.numbers import as_reals, finite, number
from sdesim.stable.frozen import StableLaw
from sdesim.stable.sampling.asked import key_of, shape_of

Array = NDArray[np.float64]


class TruncatedLaw:
    """A stable law given that low ≤ X ≤ high; see `truncated`."""

    def __init__(self, law: StableLaw, low: float, high: float) -> None:
        self.law, self.low, self.high = law, low, high
        # The smaller tail on each side of the interval, so that no difference cancels.
        self._right = float(law.cdf(low)) > 0.5
        near, far = self._tail(np.array([low, high]) if self._right else np.array([high, low]))
        self._log_mass = float(near + np.log(-np.expm1(far - near))) if near > far else -math.inf
        if not math.isfinite(self._log_mass):
            raise SdesimError(f"low, high: found [{low:g}, {high:g}], allowed: an interval with mass")

    def __repr__(self) -> str:
        return f"sdesim.stable.truncated of {self.law!r} to [{self.low:g}, {self.high:g}]"

    def _tail(self, x: Array) -> Array:
        """Log of the tail that the interval is cut from: above x, or below it."""
        return np.asarray(self.law.logsf(x) if self._right else self.law.logcdf(x))

    def _points(self, x: ArrayLike) -> tuple[Array, NDArray[np.bool_]]:
        points = as_reals(x, "x")
        return points, (points >= self.low) & (points <= self.high)

    def logpdf(self, x: ArrayLike) -> Array:
        """Log density: log f(x) − log P(low ≤ X ≤ high), −∞ outside."""
        points, inside = self._points(x)
        value = self.law.logpdf(np.where(inside | np.isnan(points), points, self.low)) - self._log_mass
        return np.asarray(np.where(inside | np.isnan(points), value, -math.inf))[()]

    def pdf(self, x: ArrayLike) -> Array:
        """Density."""
        return np.exp(self.logpdf(x))

    def _between(self, start: ArrayLike, end: ArrayLike) -> Array:
        """P(start < X ≤ end) over the mass, both within the bounds."""
        a, b = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
        near, far = (a, b) if self._right else (b, a)
        top, rest = self._tail(near), self._tail(far)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.exp(top - self._log_mass) * -np.expm1(np.minimum(rest - top, 0.0))
        share = np.where(np.isneginf(top), 0.0, share)
        return np.asarray(np.clip(share, 0.0, 1.0))[()]

    def cdf(self, x: ArrayLike) -> Array:
        """P(X ≤ x | low ≤ X ≤ high)."""
        return self._between(self.low, np.clip(as_reals(x, "x"), self.low, self.high))

    def sf(self, x: ArrayLike) -> Array:
        """P(X > x | low ≤ X ≤ high)."""
        return self._between(np.clip(as_reals(x, "x"), self.low, self.high), self.high)

    def ppf(self, q: ArrayLike) -> Array:
        """x with cdf(x) = q; NaN where q is not in [0, 1]."""
        share = as_reals(q, "q")
        share = np.where((share >= 0.0) & (share <= 1.0), share, np.nan)
        mass = math.exp(self._log_mass)
        if self._right:
            found = self.law.isf(float(self.law.sf(self.high)) + (1.0 - share) * mass)
        else:
            found = self._from_below(float(self.law.cdf(self.low)) + share * mass, share, mass)
        return np.asarray(np.clip(found, self.low, self.high))[()]

    def _from_below(self, under: Array, share: Array, mass: float) -> Array:
        """Quantiles, beyond the median from the tail above."""
        over = float(self.law.sf(self.high)) + (1.0 - share) * mass
        below = np.nan_to_num(under, nan=0.5) <= 0.5
        return np.where(
            below, self.law.ppf(np.where(below, under, 0.5)), self.law.isf(np.where(below, 0.5, over))
        )

    def isf(self, q: ArrayLike) -> Array:
        """x with sf(x) = q."""
        return self.ppf(1.0 - as_reals(q, "q"))

    def rvs(
        self, size: int | tuple[int, ...] | None = None, seed: Any = None, random_state: Any = None
    ) -> Array:
        """Draws, by `ppf` of uniform numbers; number k depends on seed and k."""
        shape = shape_of(size)
        count = math.prod(shape)
        rng = np.random.Generator(np.random.Philox(int(key_of(seed, random_state))))
        return np.asarray(self.ppf(rng.random(count))).reshape(shape)[()]

    def mean(self) -> float:
        """E X."""
        return self.law.expect(None, self.low, self.high, conditional=True)

    def var(self) -> float:
        """Variance."""
        mean = self.mean()
        return self.law.expect(lambda x: (x - mean) ** 2, self.low, self.high, conditional=True)

    def std(self) -> float:
        """Standard deviation."""
        return math.sqrt(self.var())

    def median(self) -> float:
        """x with cdf(x) = ½."""
        return float(self.ppf(0.5))

    def support(self) -> tuple[float, float]:
        """(low, high), or the ends of the law's support within."""
        ends: Any = self.law.support()
        return max(self.low, float(ends[0])), min(self.high, float(ends[1]))


@refusing(SdesimError)
def truncated(
    alpha: float, beta: float = 0.0, low: float = -math.inf, high: float = math.inf, loc: float = 0.0,
    scale: float = 1.0, parametrization: str = "S1",
) -> TruncatedLaw:  # fmt: skip
    """The stable law given that low ≤ X ≤ high, that is with draws beyond the bounds drawn again.

    Its density is f(x)/P(low ≤ X ≤ high); all moments exist where both bounds are finite (the truncated Lévy
    flight of Mantegna & Stanley, Phys. Rev. Lett. 73, 1994).

    Args:
        alpha, beta, loc, scale, parametrization: single numbers, as of `sdesim.stable`.
        low, high: bounds, low < high; either may be infinite.

    Raises:
        SdesimError: a value out of its range, or an interval without mass.
    """
    alpha, beta, loc, scale = (
        finite(v, name) for v, name in ((alpha, "alpha"), (beta, "beta"), (loc, "loc"), (scale, "scale"))
    )
    low, high = number(low, "low"), number(high, "high")
    if not low < high:
        raise SdesimError(f"low must be below high, got {low:g} and {high:g}")
    return TruncatedLaw(StableLaw(alpha, beta, loc, scale, parametrization), low, high)
