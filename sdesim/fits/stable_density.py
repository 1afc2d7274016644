"""The symmetric stable law's log-density as a cubic spline for one α, so that many likelihoods of it are cheap.

In t = arsinh |z| log f is smooth, and beyond |z| = 10¹⁷ a line. Knots lie 0.04 apart where it bends; what the
spline leaves out of Σ log f is far below what a likelihood ratio shows (tested).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_KNOTS = np.concatenate([np.linspace(0.0, 5.0, 126), np.linspace(5.1, 8.0, 30), np.linspace(8.5, 40.0, 64)])


def log_density(z: Array, alpha: float) -> Array:
    """log f(z; α) of the standard symmetric law (n,)."""
    if alpha >= 2.0:
        return np.asarray(-0.25 * z * z - 0.5 * np.log(4.0 * np.pi))
    t = np.arcsinh(np.abs(z))
    spline = _spline(alpha)
    return np.asarray(
        np.where(t <= 40.0, spline(np.minimum(t, 40.0)), spline(40.0) - (alpha + 1.0) * (t - 40.0))
    )


@lru_cache(maxsize=64)
def _spline(alpha: float) -> Any:
    from scipy.interpolate import CubicSpline

    from sdesim import stable

    values = np.asarray(stable.logpdf(np.sinh(_KNOTS), alpha))
    # Even in z, so flat at 0; a line far out.
    return CubicSpline(_KNOTS, values, bc_type=((1, 0.0), (1, -(alpha + 1.0))))
