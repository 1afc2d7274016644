"""The bias that is left at the shortest step, as the means of halving it show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.coupled.level_sampler import LevelSampler

Array = NDArray[np.float64]
# Standard errors by which a mean must stand out to show how it falls, and of how many levels at most.
_SEEN, _FITTED, _LAST = 3.0, 5, 3
# The least order that is taken, also where none is told, and the largest.
_LEAST, _MOST = 0.5, 3.0


@dataclass(frozen=True)
class Bias:
    """What is left between the shortest step and none.

    Attributes:
        bound: on its size. size: its estimate, from the line through all means that stand out.
        order: as fitted; NaN where the means don't stand out of their noise. used: the order taken.
        flags: `order_not_told`, `not_asymptotic`.
    """

    bound: float
    size: float
    order: float
    used: float
    flags: tuple[str, ...]


def bias_of(levels: Sequence[LevelSampler]) -> Bias:
    """|E f_L − E f| ≈ |m_L|/(2^a − 1), m_l = E[f_l − f_{l−1}] ∝ 2^{−al}.

    a is fitted to log|m_l| where the means stand out, weighted by their precision, and taken one standard
    error lower; m_L is the weighted mean of what the last three levels say of it, plus its standard error.
    Where they disagree it is the largest of them.
    """
    rest = levels[1:]
    mean = np.array([level.difference.mean for level in rest])
    error = np.array([level.difference.standard_error for level in rest])
    order, used, told, line = _order(mean, error)
    flags = [] if told else ["order_not_told"]
    lag = np.arange(len(rest))[::-1][-_LAST:]
    scale = 2.0 ** (-used * lag)
    guess, spread = mean[-_LAST:] * scale, error[-_LAST:] * scale
    if not mean.any():
        return Bias(0.0, 0.0, order, used, ())
    weight = 1.0 / np.maximum(spread, 1e-300) ** 2
    size = float((weight * guess).sum() / weight.sum())
    se = float(1.0 / math.sqrt(weight.sum()))
    room = 2.0**used - 1.0
    apart = np.abs(guess - size) > _SEEN * np.sqrt(spread**2 + se**2)
    if told and apart.any() and np.abs(guess - size).max() > 0.2 * abs(size):
        flags.append("not_asymptotic")
        size = float(guess[np.argmax(np.abs(guess))])
    bound = (abs(size) + se) / room
    return Bias(bound, line / (2.0**order - 1.0) if told else bound, order, used, tuple(flags))


def _order(mean: Array, error: Array) -> tuple[float, float, bool, float]:
    """(as fitted, as taken, whether it is told, |mean| of the last level on the line)."""
    seen = np.flatnonzero(np.abs(mean) > _SEEN * error)[-_FITTED:]
    if len(seen) < 2:
        return math.nan, _LEAST, False, math.nan
    x, y = seen.astype(float), np.log2(np.abs(mean[seen]))
    weight = (np.abs(mean[seen]) / np.maximum(error[seen], 1e-300)) ** 2
    # A mean is no straight line in log 2 of dt to better than a few per cent.
    weight = 1.0 / (1.0 / weight + 0.05**2)
    centre = (weight * x).sum() / weight.sum()
    spread = (weight * (x - centre) ** 2).sum()
    slope = float(-(weight * (x - centre) * y).sum() / spread)
    se = float(1.0 / (math.log(2.0) * math.sqrt(spread)))
    height = (weight * y).sum() / weight.sum() - slope * (len(mean) - 1 - centre)
    told = slope > 0.0
    return slope, float(np.clip(slope - se, _LEAST, _MOST)), told, float(2.0**height)


def cheapest_plain(
    variance: float, steps: int, bias: Bias, tolerance: float, z: float
) -> tuple[int, float]:  # fmt: skip
    """(steps, evaluations) of plain Monte Carlo with one step, at the cheapest division of the tolerance.

    With the bias c s^{−a} at s steps and n = V z²/(tolerance − bias)² paths the cost n s is least where the
    bias is tolerance/(1 + 2a).
    """
    order = bias.order if math.isfinite(bias.order) and bias.order > 0 else bias.used
    share = tolerance / (1.0 + 2.0 * order)
    least = max(1, math.ceil(steps * (bias.size / share) ** (1.0 / order)))
    left = tolerance - bias.size * (steps / least) ** order
    return least, least * variance * (z / left) ** 2
