"""A power law through values that have intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sdesim.comparison.statistics import t_quantile
from sdesim.estimators import Estimate


def power_law(
    x: ArrayLike, value: ArrayLike, low: ArrayLike, high: ArrayLike, level: float = 0.95
) -> Estimate:
    """Exponent b of y = A xᵇ by weighted least squares of log y on log x.

    Weights are 1/s² with s = (log high − log low)/(2·1.96), what a 95% interval takes for a standard error.
    The interval is Student's with k − 2 degrees of freedom, its width multiplied by √(χ²/(k−2)) where the
    points scatter about the line more than their intervals say.

    Args:
        x, value, low, high: (k,); entries that are not positive and finite with 0 < low < high are left out.

    Returns:
        Estimate of b with n points; `details`: log_prefactor, and chi2 per degree of freedom. Without three
        usable points NaN and the flag `too_few`; `scatter` where χ²/(k − 2) exceeds 3.
    """
    x_, y, lo, hi = (np.asarray(a, dtype=np.float64) for a in (x, value, low, high))
    with np.errstate(invalid="ignore"):
        kept = (x_ > 0) & (y > 0) & (lo > 0) & (lo < hi) & np.isfinite(x_ * y) & np.isfinite(hi)
    n = int(kept.sum())
    if n < 3 or np.unique(x_[kept]).size < 3:
        nan = float("nan")
        return Estimate(nan, nan, nan, level, "weighted log-log", n, ("too_few",))
    u, v = np.log(x_[kept]), np.log(y[kept])
    s = np.log(hi[kept] / lo[kept]) / (2 * 1.96)
    w = 1 / s**2
    center = float((w * u).sum() / w.sum())
    spread = float((w * (u - center) ** 2).sum())
    slope = float((w * (u - center) * v).sum() / spread)
    intercept = float((w * v).sum() / w.sum()) - slope * center
    chi2 = float((w * (v - intercept - slope * u) ** 2).sum()) / (n - 2)
    half = t_quantile(level, n - 2) * np.sqrt(max(chi2, 1.0) / spread)
    details: dict[str, Any] = {"log_prefactor": intercept, "chi2": chi2}
    flags = ("scatter",) if chi2 > 3 else ()
    return Estimate(slope, slope - half, slope + half, level, "weighted log-log", n, flags, details)
