"""The readings of a training's own steps, one by one with their errors, as smoothed series take them.

What a window says is of many readings, and windows share most of theirs: a series is smoothed from the
readings themselves. The error of one is told by how much neighbours differ, in units of the noise around
them; pairs of steps that follow one another closely are averaged first, for they are correlated.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from sdesim.estimate import AnyEstimate, Estimate
from sdesim.estimators.dynamics.read_steps import ReadSteps, correlated_block
from sdesim.runs.measured import Column

Array = NDArray[np.float64]
# Readings on each side whose noise is the unit of one.
_AROUND = 16


def single_readings(reads: Sequence[ReadSteps], level: float) -> dict[str, Column]:
    """signal, noise, C_star and C_excess (C − C*, or what has its sign where there is no C*) of each reading.

    Args:
        reads: of each trajectory, all at the same places. level: of the intervals, which stand for errors.
    """
    each = [_of_one(read) for read in reads]
    found = {}
    for name in ("signal", "noise", "C_star", "C_excess"):
        value, error = (np.stack([one[name][k] for one in each]) for k in range(2))
        half = float(ndtri(0.5 + level / 2)) * error
        made: AnyEstimate = Estimate(value, value - half, value + half, level, "readings", 1, {})
        found[name] = Column(made)
    return found


def _of_one(read: ReadSteps) -> dict[str, tuple[Array, Array]]:
    unit = _around(read.noise)
    change = 0.5 * (read.before + read.after)
    if (read.clipped == 1).any():
        # Steps of a loop that cuts gradients down tell nothing of themselves (`read_steps`).
        change = np.where(read.outside == 1, change, np.nan)
    gain = np.where(np.isfinite(read.gain), read.gain, read.rate)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Per Ā; where there is none, per η.
        excess = -change / (gain * unit)
        star = np.where(np.isfinite(read.gain), read.signal / unit - excess, np.nan)
    one = np.ones(len(unit))
    block = 1
    if (known := read.step[np.isfinite(change)]).size > 1:
        block = correlated_block(known)
    return {
        "signal": _with_error(read.signal, unit, 1), "noise": _with_error(read.noise, unit, 1),
        "C_star": _with_error(star, one, block), "C_excess": _with_error(excess, one, block),
    }  # fmt: skip


def _around(noise: Array) -> Array:
    """The mean of the noise around each reading."""
    known = np.isfinite(noise)
    total, count = (
        np.concatenate([[0.0], np.cumsum(x)]) for x in (np.where(known, noise, 0.0), known.astype(float))
    )
    places = np.arange(len(noise))
    low, high = np.maximum(places - _AROUND, 0), np.minimum(places + _AROUND + 1, len(noise))
    with np.errstate(invalid="ignore"):
        return np.asarray((total[high] - total[low]) / (count[high] - count[low]))


def _with_error(x: Array, unit: Array, block: int) -> tuple[Array, Array]:
    """Means of ``block`` readings, at the last of each and NaN elsewhere, and their errors."""
    known = np.flatnonzero(np.isfinite(x) & (unit > 0))
    known = known[len(known) % block :]
    value, error = np.full(x.shape, np.nan), np.full(x.shape, np.nan)
    if not len(known):
        return value, error
    places = known.reshape(-1, block)
    means, last = x[places].mean(axis=1), places[:, -1]
    value[last] = means
    if len(means) > 2:
        steps = np.diff(means / unit[last])
        error[last] = unit[last] * np.sqrt(0.5 * (steps**2).mean())
    return value, error
