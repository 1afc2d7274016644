"""The law of the signed root of the likelihood ratio of a rate of return to the mean, and of the mean.

Over a time T in which a process returns to its mean only λT times, the estimate of its rate λ is biased
upwards and the root is far from normal: at λT = 0 it is Dickey and Fuller's statistic. Its law depends on λT,
on the first values and on the number of steps; it is simulated where a candidate λ is looked at, and the
interval is what is not rejected (Hansen's grid bootstrap), right for any λT.

Source: B. Hansen, "The grid bootstrap and the autoregressive model", Rev. Econ. Stat. 81 (1999); P. Phillips
& J. Yu, "Maximum likelihood and Gaussian estimation of continuous time models in finance" (2009), for the
bias.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

DRAWS = 4999
# From so many returns on the root is normal to less than the simulation shows.
MANY = 400.0
_LONGEST = 200
_MOST_NORMALS = 1_500_000


def reversion_cutoff(
    name: str,
    rate: float,
    durations: Array,
    starts: Array,
    counts: NDArray[np.int64],
    side: int,
    level: float,
) -> float | None:
    """The quantile of the root where `rate` is true; None where it is the normal law's.

    Args:
        name: "rate", or "mean" for the root of the mean.
        rate: λ. durations: (m,) of each series.
        starts: (m,) first values less the mean, over the factor σ of the noise.
        counts: (m,) steps of each series.
        side: −1 for the end below the estimate, 1 for the one above it.
        level: of the interval.
    """
    if rate * float(durations.sum()) > MANY:
        return None
    # Series of a kind are simulated as those of mean length: their law depends on λT above all.
    order = np.argsort(-durations, kind="stable")[:64]
    roots = _roots(
        float(f"{rate:.12g}"),
        tuple(durations[order].tolist()),
        tuple(np.clip(starts[order], -1e6, 1e6).tolist()),
        tuple(counts[order].tolist()),
    )[0 if name == "rate" else 1]
    share = 0.5 * (1.0 - level)
    quantile = float(np.quantile(roots, 1.0 - share if side < 0 else share))
    return quantile if side < 0 else -quantile


@lru_cache(maxsize=64)
def _roots(
    rate: float, durations: tuple[float, ...], starts: tuple[float, ...], counts: tuple[int, ...]
) -> tuple[Array, Array]:
    """Signed roots (DRAWS,) of rate and mean of an Ornstein–Uhlenbeck process of unit factor around 0, at the
    true ones."""
    m = len(counts)
    most = max(8, min(_LONGEST, _MOST_NORMALS // (DRAWS * m)))
    cross, square, one, other, new = (np.zeros(DRAWS) for _ in range(5))
    total = 0
    # The same draws for all candidates, so that roots move smoothly with the rate.
    rng = np.random.default_rng(20_231)
    forms = set()
    for duration, start, count in zip(durations, starts, counts, strict=True):
        steps = min(count, most)
        dt = duration / steps
        a = math.exp(-rate * dt)
        s = math.sqrt(dt if rate * dt < 1e-12 else -math.expm1(-2.0 * rate * dt) / (2.0 * rate))
        forms.add((round(a, 12), round(s, 12)))
        y = np.full(DRAWS, start)
        for _ in range(steps):
            after = a * y + s * rng.standard_normal(DRAWS)
            cross += y * after
            square += y * y
            one += y
            other += after
            new += after * after
            y = after
        total += steps
    if len(forms) > 1:
        return _pooled(rate, durations, starts, counts, most)
    sxx = square - one * one / total
    sxy = cross - one * other / total
    syy = new - other * other / total
    slope = sxy / sxx
    rest = np.maximum(syy - slope * sxy, 1e-300)
    # n log(SSE(a)/SSE(â)); a rate above the true one is a slope below it.
    root = np.sqrt(total * np.log1p((slope - a) ** 2 * sxx / rest))
    # The mean at 0: a regression through the origin, where the slope is free.
    through = np.maximum(new - cross**2 / square, rest)
    middle = np.sqrt(total * np.log(through / rest))
    # The sign of (other − slope one)/(1 − slope), the mean.
    above = (other - slope * one > 0) == (slope < 1.0)
    return np.where(slope < a, root, -root), np.where(above, middle, -middle)


def _pooled(
    rate: float, durations: tuple[float, ...], starts: tuple[float, ...], counts: tuple[int, ...], most: int
) -> tuple[Array, Array]:
    """As one series of the whole duration each, of equal steps: for series of different lengths."""
    dt = sum(durations) / max(1, sum(min(c, most) for c in counts))
    equal = [max(1, round(d / dt)) for d in durations]
    return _roots(rate, tuple(k * dt for k in equal), starts, tuple(equal))
