"""The exponent of errors that fall like a power of the step, with an interval by bootstrap over paths."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sdesim.estimate import Estimate

Array = NDArray[np.float64]
LEVEL = 0.95
# Resamplings, of at most so many groups of paths; standard errors by which an error must stand out.
_DRAWS, _GROUPS, SEEN = 500, 4096, 3.0
# How far line and curve may lie apart, in standard errors and absolutely.
_BENT, _BENT_LEAST = 4.0, 0.1


def fitted_order(
    samples: Array, steps: Sequence[int], errors: Callable[[Array], Array], method: str, rounding: float
) -> tuple[Estimate, Array, Array]:  # fmt: skip
    """Slope of log error over log dt through the errors that stand out, by least squares.

    All steps see the same paths, so that their errors lie off together: paths are resampled whole, and the
    slope worked out anew. Weights are the precisions of the logarithms, to which 5% of the error are added
    for what bends the line. With four steps or more log error = c + a log dt + b dt is fitted too, and the
    interval is widened to hold its a.

    Args:
        samples: (n, S), of which means over paths make the errors.
        steps: (S,) to T, ascending.
        errors: means (…, S) to errors (…, S), positive where they are one.
        method: what the Estimate calls it.
        rounding: errors below this are of the arithmetic.

    Returns:
        The order, the errors (S,) and their standard errors (S,). Flags: `noise_floor` (the longest steps
        alone stand out of the noise), `not_told` (fewer than two do: NaN), `rounding` (all errors are of the
        arithmetic: NaN), `not_asymptotic` (the slope still changes from step to step).
    """
    n = len(samples)
    groups = np.array([part.mean(axis=0) for part in np.array_split(samples, min(n, _GROUPS))])
    sizes = np.array([len(part) for part in np.array_split(np.arange(n), len(groups))], float)
    rng = np.random.default_rng(0)
    error = errors(samples.mean(axis=0))
    resampled = np.empty((_DRAWS, len(steps)))
    for k in range(_DRAWS):
        weight = np.bincount(rng.integers(len(groups), size=len(groups)), minlength=len(groups)) * sizes
        resampled[k] = errors(weight @ groups / weight.sum())
    se = resampled.std(axis=0, ddof=1)
    if not error.max() > rounding:
        return Estimate(math.nan, math.nan, math.nan, LEVEL, method, n, ("rounding",)), error, se
    clear = (error > SEEN * se) & (error > rounding)
    # From the longest step on: beyond the first that is lost, what still stands out does so by chance.
    told = len(steps) if clear.all() else int(np.argmin(clear))
    if told < 2:
        return Estimate(math.nan, math.nan, math.nan, LEVEL, method, n, ("not_told",)), error, se
    x = -np.log2(np.array(steps[:told], float))
    weight = 1.0 / ((se[:told] / error[:told]) ** 2 + 0.05**2)
    line = _slope_of([np.ones(told), x], weight)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log2(resampled[:, :told])
    logs = logs[np.isfinite(logs).all(axis=1)]
    low, high = np.quantile(logs @ line, [0.5 - 0.5 * LEVEL, 0.5 + 0.5 * LEVEL])
    seen, flags = np.log2(error[:told]), ["noise_floor"] if told < len(steps) else []
    if told > 3:
        curve = _slope_of([np.ones(told), x, 2.0 ** (x - x[0])], weight)
        bend, spread = float(seen @ (curve - line)), float((logs @ (curve - line)).std())
        low, high = min(low, seen @ curve), max(high, seen @ curve)
        flags += ["not_asymptotic"] if abs(bend) > max(_BENT_LEAST, _BENT * spread) else []
    value = float(seen @ line)
    return Estimate(value, float(low), float(high), LEVEL, method, n, tuple(flags)), error, se


def _slope_of(columns: Sequence[Array], weight: Array) -> Array:
    """The row that makes the second coefficient of a weighted least squares fit out of its data."""
    design = np.array(columns).T
    normal = design.T @ (weight[:, None] * design)
    return np.asarray(np.linalg.solve(normal, design.T * weight)[1])
