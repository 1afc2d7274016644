"""Constants of the stable laws: those that the compiled draws need, and the least α that has a table."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
# Below it the law is so peaked that a table with a u-error of 1e-12 outgrows the processor's caches.
LEAST_ALPHA = 0.3
# From here on there is a table for every skew; and for the radius of isotropic increments, up to where the
# spacing of floating-point numbers itself is an error of 1e-12 for a radius so narrowly spread.
LEAST_SKEWED = 0.4
ISOTROPIC = (0.4, 1.99)


def has_table(alpha: float, skew: float, isotropic: bool = False) -> bool:
    """Whether there is a quantile table with a u-error of at most 1e-12 that covers these laws throughout."""
    if isotropic:
        return ISOTROPIC[0] <= alpha <= ISOTROPIC[1]
    return (LEAST_ALPHA if skew == 0.0 else LEAST_SKEWED) <= alpha < 2.0


def law_constants(alpha: float, skew: float) -> tuple[float, float, float, float]:
    """(α, β, ε tan(πα/2), ε/sin(πε/2)) with ε = 1 − α, which the compiled draw needs; see `cms`."""
    epsilon = 1.0 - alpha
    if epsilon == 0.0:
        return alpha, skew, 2.0 / math.pi, 2.0 / math.pi
    return (
        alpha,
        skew,
        epsilon / math.tan(0.5 * math.pi * epsilon),
        epsilon / math.sin(0.5 * math.pi * epsilon),
    )


def shift_to_s1(alpha: float, skew: float, scale: Array) -> Array:
    """What turns scale · Z₀ into an S1 variable of that scale: β tan(πα/2) c, at α = 1 (2/π) β c log c."""
    if skew == 0.0 or alpha == 2.0:
        return np.zeros_like(scale)
    if alpha == 1.0:
        logarithm = np.log(scale, out=np.zeros_like(scale), where=scale > 0)
        return np.asarray((2.0 / math.pi) * skew * scale * logarithm)
    return np.asarray(skew * scale / math.tan(0.5 * math.pi * (1.0 - alpha)))
