"""λ_max of a mean Hessian from two small samples of the examples it is the mean of.

The top eigenvector y of one sample fits that sample's own noise: its eigenvalue λ is too high, E λ ≥ λ_max.
The other sample says q = yᵀH′y, with E q ≤ λ_max. To second order in the noise both are off by the same,
Σ_i Var(e_1·H e_i)/(λ_1 − λ_i), if the samples are of one size: (λ + q)/2 is free of it where the top
eigenvalue stands apart, and where the spectrum is flat the truth still lies between the two.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate
from sdesim.estimators.core.draws import check_level


def crossed_sharpness(top: float, residual: float, quotients: ArrayLike, level: float = 0.95) -> Estimate:
    """(λ + q)/2, with an interval from q to λ and beyond by q's error and λ's residual.

    Measured coverage of nominal 95%: 0.97 to 1.00 (4 to 8 parts of 64 to 256 Gaussian examples, 50 to 500
    dimensions); the value is off by under 1% where λ_max is twice the next eigenvalue, by 3% at 1.1 times.

    Args:
        top: λ of the first sample. residual: |Hy − λy| there, and what else its value may be off by.
        quotients: yᵀH_i y of k parts i of the second sample, of equal size (k,).

    Returns:
        Estimate, n = k; details `top`, `crossed`, `bracket` (half of what lies between them, with the
        residual), `spread` (standard error of q). Without an interval where
        there are fewer than 2 parts.

    Raises:
        EstimatorError: no quotients, or a negative residual.
    """
    check_level(level)
    q = np.atleast_1d(np.asarray(quotients, dtype=np.float64))
    if q.ndim != 1 or not len(q):
        raise EstimatorError(f"quotients must be (k,), got shape {q.shape}")
    if residual < 0:
        raise EstimatorError(f"residual must be at least 0, got {residual}")
    k, crossed = len(q), float(q.mean())
    value = (top + crossed) / 2
    bracket = abs(top - crossed) / 2 + residual
    details = {"top": float(top), "crossed": crossed, "bracket": bracket, "spread": math.nan}
    if not (math.isfinite(value) and math.isfinite(residual)):
        return Estimate(
            math.nan, math.nan, math.nan, level, "crossed", k, ("nonfinite", "no_interval"), details
        )
    if k < 2:
        return Estimate(value, math.nan, math.nan, level, "crossed", k, ("no_interval",), details)
    spread = float(q.std(ddof=1)) / math.sqrt(k)
    half = bracket + float(stdtrit(k - 1, 0.5 + level / 2)) * spread
    return Estimate(value, value - half, value + half, level, "crossed", k, (), details | {"spread": spread})
