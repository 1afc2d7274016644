"""Covariance and intervals of a maximum-likelihood fit: by information, next to an end by profiles.

Where α is near 2 or |β| near 1 the likelihood is no parabola within the support. An interval is then all
values v with 2 (max ℓ − max ℓ given v) ≤ z² (Venzon & Moolgavkar, Appl. Stat. 37, 1988).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sdesim.stable.fitting.likelihood import ALPHA, BETA, HIGH, LOW, Likelihood, Maximum, maximise, observed

Array = NDArray[np.float64]
# Standard errors from an end within which no parabola is believed.
_NEAR = 5.0
_CLOSE = 1e-2
# Log-likelihood left to gain on a profile, of z²/2 = 1.9.
_PROFILE = 1e-3
_GROWTH = 2.0
_MOST_GROWTHS = 40


def covariance(likelihood: Likelihood, at: Maximum) -> tuple[Array, bool]:
    """Inverse of the observed information (4, 4), NaN where a parameter is not free; whether it was regular.

    Where the observed one is not positive definite, the scores' outer product stands for it.
    """
    free = np.flatnonzero(at.free)
    found = np.full((4, 4), np.nan)
    if free.size == 0:
        return found, False
    place = np.ix_(free, free)
    for whole, regular in ((observed(likelihood, at), True), (at.outer, False)):
        part = whole[place]
        size = np.sqrt(np.abs(np.diagonal(part)))
        if not (np.isfinite(part).all() and (size > 0).all()):
            continue
        values = np.linalg.eigvalsh(part / np.outer(size, size))
        if values[0] > 1e-10:
            found[place] = np.linalg.inv(part)
            return found, regular
    return found, False


def near_end(theta: Array, spread: Array) -> bool:
    """Whether α or β is so close to an end that the intervals of all four are taken from profiles."""
    gaps = [HIGH[ALPHA] - theta[ALPHA], theta[ALPHA] - LOW[ALPHA], HIGH[BETA] - abs(theta[BETA])]
    errors = [spread[ALPHA], spread[ALPHA], spread[BETA]]
    return any(not gap > _NEAR * error for gap, error in zip(gaps, errors, strict=True))


def profile_interval(
    likelihood: Likelihood, at: Maximum, k: int, z: float, width: float, ridge: Array
) -> tuple[float, float]:
    """Ends of the profile interval of parameter k, within its support.

    Args:
        z: normal quantile of the level.
        width: a first guess of its half-width.
        ridge: (4,) how the others move with it, to begin with.
    """
    ends = [
        _end(likelihood, at, k, z, side * width, float(bound), ridge)
        for side, bound in ((-1, LOW[k]), (1, HIGH[k]))
    ]
    return ends[0], ends[1]


def _end(
    likelihood: Likelihood, at: Maximum, k: int, z: float, width: float, bound: float, ridge: Array
) -> float:
    """Where √(2 (max ℓ − profile)) passes z, going from the maximum towards `bound`."""
    here = float(at.theta[k])
    if here == bound:
        return bound
    held = np.zeros(4, dtype=bool)
    held[k] = True
    last = at.theta.copy()

    def excess(value: float) -> float:
        nonlocal last
        start = last + ridge * (value - last[k])
        start[k] = value
        found = maximise(likelihood, start, held, _PROFILE)
        if math.isfinite(found.total):
            last = found.theta
        return math.sqrt(2.0 * max(at.total - found.total, 0.0)) - z

    inside, low = here, -z
    reach = width
    for _ in range(_MOST_GROWTHS):
        outside = here + reach
        over = abs(outside - here) >= abs(bound - here)
        outside = bound if over else outside
        high = excess(outside)
        if high > 0:
            break
        if over:
            return bound
        inside, low = outside, high
        reach *= _GROWTH
    else:
        return math.copysign(math.inf, width)
    # Secant on a root that is nearly linear, kept within its bracket.
    for _ in range(30):
        share = min(max(-low / (high - low), 0.05), 0.95) if math.isfinite(high) else 0.5
        middle = inside + share * (outside - inside)
        value = excess(middle)
        if value > 0:
            outside, high = middle, value
        else:
            inside, low = middle, value
        if abs(value) < _CLOSE * z or abs(outside - inside) < _CLOSE * abs(width):
            return middle
    return 0.5 * (inside + outside)
