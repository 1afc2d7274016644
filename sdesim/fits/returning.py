"""What processes share that return to a mean at a rate λ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import EstimatorError
from sdesim.fits.reversion import reversion_cutoff
from sdesim.fits.transitions import Transitions

Array = NDArray[np.float64]

# λT of the slowest rate that is told from none, and λh of the fastest that leaves a trace in the next value.
_SLOWEST, _FASTEST = 1e-5, 30.0
# Standard deviations of the values.
_FARTHEST = 300.0
_LEAST_CUTOFF = 0.05
_NO_RETURN = 0.01
_NOISELESS = 1e-9


def decay(rate: float, data: Transitions) -> tuple[Array, Array]:
    """e^{−λh} and (1 − e^{−2λh})/(2λ) of each transition (n,)."""
    lengths, place = data.steps
    return np.exp(-rate * lengths)[place], (-np.expm1(-2.0 * rate * lengths) / (2.0 * rate))[place]


def rate_bounds(data: Transitions) -> tuple[float, float]:
    """Slowest and fastest rate that is looked at."""
    return _SLOWEST / data.duration, _FASTEST / float(data.steps[0][0])


def mean_bounds(data: Transitions) -> tuple[float, float]:
    """Where a mean is no more than the direction of a drift: so far that no return to it is seen."""
    far = _FARTHEST * data.size
    return data.centre - far, data.centre + far


def autoregression(data: Transitions) -> tuple[float, float, float]:
    """Rate, mean and factor by regression of x₁ on x₀ over the commonest step."""
    lengths, place = data.steps
    h = float(lengths[np.argmax(np.bincount(place))])
    kept = data.dt == h
    if kept.sum() < 3:
        h, kept = float(data.dt.mean()), np.ones(data.n, dtype=bool)
    x, y = data.before[kept], data.after[kept]
    spread = float(((x - x.mean()) ** 2).sum())
    slope = float(((x - x.mean()) * (y - y.mean())).sum()) / spread if spread > 0 else 0.5
    refuse_noiseless(float((y - y.mean() - slope * (x - x.mean())).std()), data)
    slow, fast = rate_bounds(data)
    # Where chance makes it explosive, a return over the whole time is a start.
    rate = -math.log(min(max(slope, 1e-3), 1.0 - 1e-9)) / h
    rate = min(max(rate, 1.0 / data.duration, slow), 0.9 * fast)
    a = math.exp(-rate * h)
    mean = float((y - a * x).mean()) / (1.0 - a)
    rest = float((y - mean - a * (x - mean)).std())
    variance = -math.expm1(-2.0 * rate * h) / (2.0 * rate)
    return rate, mean, max(rest, 1e-9 * data.size) / math.sqrt(variance)


def drifting(data: Transitions) -> tuple[float, float]:
    """Rate and mean of what only drifts: a mean as far away as is looked at."""
    drift = float((data.after - data.before).sum()) / data.duration
    far = math.copysign(_FARTHEST * data.size, drift)
    slow, fast = rate_bounds(data)
    return min(max(drift / far, slow), fast), data.centre + far


def moved_mean(moved: Array, theta: Array, rate: int, mean: int, data: Transitions) -> Array:
    """θ whose mean goes along with its rate, so that λ(m − x̄) stays: that is what short series tell."""
    if moved[rate] != theta[rate]:
        moved[mean] = data.centre + theta[rate] * (theta[mean] - data.centre) / moved[rate]
    return moved


def returning_cutoff(
    name: str, rate: float, mean: float, factor: float, data: Transitions, side: int, level: float
) -> float | None:
    """Quantile of the signed root of rate or mean (`reversion_cutoff`), the estimate itself always inside;
    None for other parameters."""
    if name not in ("rate", "mean"):
        return None
    durations = np.array([t[-1] - t[0] for t in data.times])
    first = np.array([x[0] for x in data.values])
    counts = np.array([len(t) - 1 for t in data.times])
    found = reversion_cutoff(name, float(rate), durations, (first - mean) / factor, counts, side, level)
    return None if found is None else max(found, _LEAST_CUTOFF)


def rate_flags(estimates: Mapping[str, Any], data: Transitions) -> dict[str, Sequence[str]]:
    """`near_unit_root` where the rate's interval reaches what is no return within the time that was watched,
    `rate_not_identified` where it has no end."""
    rate = estimates["rate"]
    mean = estimates["mean"]
    nowhere = math.isinf(mean.value) or rate.low * data.duration < _NO_RETURN
    raised = ["near_unit_root"] if nowhere else []
    raised += ["rate_not_identified"] if math.isinf(rate.high) else []
    return {"rate": raised, "mean": ["near_unit_root"] if nowhere else []}


def refuse_noiseless(rest: float, data: Transitions) -> None:
    """Refuse a series whose course leaves no more than rounding to the noise.

    Raises:
        EstimatorError: the spread `rest` of what a start leaves is none.
    """
    if not rest > _NOISELESS * data.size:
        raise EstimatorError("series: found a steady course without noise, allowed: values with noise")


def refuse_no_rate(values: Mapping[str, float]) -> None:
    """Refuse to simulate what is no return to a mean.

    Raises:
        EstimatorError: the rate is 0 or infinite.
    """
    rate = values["rate"]
    if not (0.0 < rate < math.inf and math.isfinite(values["mean"])):
        what = "a walk, which returns to no mean" if rate <= 0 else "independent values, without a rate"
        raise EstimatorError(f"rate: found {rate:g}, allowed: one above 0 to simulate; the fit is {what}")
