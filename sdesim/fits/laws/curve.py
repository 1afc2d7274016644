"""The line of log y in u(x), by weighted least squares through values that have intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, ndtri, stdtrit

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate
from sdesim.kinds import dump, read
from sdesim.kinds.border import refusing
from sdesim.kinds.numbers import as_reals, level_of

Array = NDArray[np.float64]

_METHOD = "weighted log-log"
# χ² per degree of freedom from which the points scatter more than their intervals say.
_SCATTER = 3.0
_FEWEST = 3
# Ranges of y too narrow to tell one law from another: the largest over the smallest value.
_NARROW = 2.0


@dataclass(frozen=True)
class LocalSlope:
    """b of y = A e^{b u(x)} between two neighbouring points.

    Attributes:
        start, end: their x, start < end.
        value, low, high: b, with its interval.
    """

    start: float
    end: float
    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """For JSON."""
        return dict(self.__dict__)


@dataclass(frozen=True)
class LawFit:
    """A law fitted along an axis.

    Attributes:
        law: the kind.
        slope: b of y = A e^{b u(x)}, with its interval and the flags of the fit.
        prefactor: A.
        r2: share of the weighted spread of log y that the law explains, at most 1.
        chi2: χ² per degree of freedom. p_value: chance of one as large where the law holds and intervals of y
            are those of 95%.
        left_out: how many points were not used: no number, not above 0, or without a closed interval.
        why: why there is no fit; empty where there is one.
        local: b between neighbouring points, in the order of x: what a fit over the whole range mixes where
            the law holds in a limit only.
    """

    law: Any
    slope: Estimate
    prefactor: Estimate
    r2: float
    chi2: float
    p_value: float
    left_out: int
    why: str = ""
    local: tuple[LocalSlope, ...] = ()

    def __call__(self, x: ArrayLike) -> Array:
        """The fitted y at x (…,)."""
        u = self.law.abscissa(np.asarray(x, dtype=np.float64))
        return np.asarray(np.exp(self.slope.details["log_prefactor"] + self.slope.value * u))

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON: the slope's fields, and the rest beside them."""
        return {
            **self.slope.to_dict(),
            "law": dump(self.law)["kind"],
            "parameter": self.law.parameter,
            "prefactor": self.prefactor.to_dict(),
            "r2": self.r2,
            "chi2": self.chi2,
            "p_value": self.p_value,
            "left_out": self.left_out,
            "local": [s.to_dict() for s in self.local],
        }


@refusing(EstimatorError)
def fit_law(
    law: Any, x: ArrayLike, value: ArrayLike, low: ArrayLike, high: ArrayLike, level: float = 0.95
) -> LawFit:
    """b and A of y = A e^{b u(x)} by weighted least squares of log y on u.

    Weights are 1/s² with s = (log high − log low)/(2·1.96), what a 95% interval takes for a standard error.
    Intervals are Student's with k − 2 degrees of freedom, their width multiplied by √(χ²/(k−2)) where the
    points scatter about the line more than their intervals say. Local slopes are those of log y between
    neighbouring x, ± z √(s₁² + s₂²)/|u₂ − u₁|: of points that share random numbers too wide.

    Args:
        law: name of a kind of the family "laws", or an object of one.
        x, value, low, high: (k,); entries that are not positive and finite with 0 < low < high are left out,
            and x not above 0 where the law needs that.
        level: of the intervals.

    Returns:
        LawFit. Without three usable points at different x: NaN, the flag `too_few` and `why`. Other flags:
        `scatter` where χ²/(k − 2) exceeds 3, `few_points` at three (one degree of freedom),
        `points_left_out`, `narrow_range` where y changes by less than a factor of 2 (every smooth law is a
        line there), `slope_open` where the interval of b holds 0.

    Raises:
        EstimatorError: arrays of different lengths, or a level outside (0, 1).
    """
    chosen = read("laws", law)
    x_, y, lo, hi = (
        as_reals(a, name, EstimatorError)
        for name, a in (("x", x), ("value", value), ("low", low), ("high", high))
    )
    if not x_.shape == y.shape == lo.shape == hi.shape or x_.ndim != 1:
        shapes = ", ".join(str(a.shape) for a in (x_, y, lo, hi))
        raise EstimatorError(f"value: found shapes {shapes} of x, value, low and high, allowed: one (k,)")
    level = level_of(level, error=EstimatorError)
    with np.errstate(invalid="ignore"):
        kept = (y > 0) & (lo > 0) & (lo < hi) & np.isfinite(x_ * y) & np.isfinite(hi)
        kept &= (x_ > 0) | (not chosen.positive)
    n, left_out = int(kept.sum()), int(kept.size - kept.sum())
    if n < _FEWEST or np.unique(x_[kept]).size < _FEWEST:
        why = f"{n} of {kept.size} points are above 0 with a closed interval, {_FEWEST} are needed"
        none = Estimate(math.nan, math.nan, math.nan, level, _METHOD, n, ("too_few",))
        return LawFit(chosen, none, none, math.nan, math.nan, math.nan, left_out, why)
    u, v = chosen.abscissa(x_[kept]), np.log(y[kept])
    s = np.log(hi[kept] / lo[kept]) / (2 * 1.96)
    w = 1 / s**2
    center = float((w * u).sum() / w.sum())
    spread = float((w * (u - center) ** 2).sum())
    slope = float((w * (u - center) * v).sum() / spread)
    intercept = float((w * v).sum() / w.sum()) - slope * center
    rest = float((w * (v - intercept - slope * u) ** 2).sum())
    chi2 = rest / (n - 2)
    t = float(stdtrit(n - 2, 0.5 + level / 2))
    half = t * np.sqrt(max(chi2, 1.0) / spread)
    wide = t * math.sqrt(max(chi2, 1.0) * (1.0 / float(w.sum()) + center**2 / spread))
    middle = float((w * v).sum() / w.sum())
    whole = float((w * (v - middle) ** 2).sum())
    raised = {
        "scatter": chi2 > _SCATTER,
        "few_points": n == _FEWEST,
        "points_left_out": left_out > 0,
        "narrow_range": float(np.ptp(v)) < math.log(_NARROW),
        "slope_open": abs(slope) <= half,
    }
    flags = tuple(flag for flag, up in raised.items() if up)
    details: dict[str, Any] = {"log_prefactor": intercept, "chi2": chi2}
    found = Estimate(slope, slope - half, slope + half, level, _METHOD, n, flags, details)
    with np.errstate(over="ignore"):
        a, b, c = (float(np.exp(e)) for e in (intercept, intercept - wide, intercept + wide))
    return LawFit(
        chosen, found, Estimate(a, b, c, level, _METHOD, n, flags),
        1.0 - rest / whole if whole > 0 else math.nan, chi2, float(chdtrc(n - 2, rest)), left_out,
        local=_local(x_[kept], u, v, s, level),
    )  # fmt: skip


def _local(x: Array, u: Array, v: Array, s: Array, level: float) -> tuple[LocalSlope, ...]:
    """Slopes of v over u between neighbouring x; of several points at one x the first."""
    places, at = np.unique(x, return_index=True)
    found, z = [], float(ndtri(0.5 + 0.5 * level))
    for k in range(len(places) - 1):
        i, j = at[k], at[k + 1]
        slope = float((v[j] - v[i]) / (u[j] - u[i]))
        half = z * math.hypot(s[i], s[j]) / abs(float(u[j] - u[i]))
        found.append(LocalSlope(float(places[k]), float(places[k + 1]), slope, slope - half, slope + half))
    return tuple(found)
