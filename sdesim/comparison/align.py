"""Brings one quantity of two runs onto one time axis.

Time is t = step·dt for a simulated run and Σ learning rate for a real one or the twin of an optimizer; both
are the `time` (or `probe_time`) coordinate of the run schema. A recorded run and the twin of its
optimizer are aligned by the optimizer's steps instead where that time tells less, because it stands still
at rates of 0 or is another at the same steps; what is reported are the real run's times at them all the
same. The real run's times are kept, the simulated values are interpolated linearly between their own
times, and nothing is extrapolated. Of a run that was saved at uneven
times only those are compared: between two that lie far apart no line is what happened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import RunError
from sdesim.runs.registered import measured_array
from sdesim.runs.saved import uneven

Array = NDArray[np.float64]

MAX_TIMES = 200


@dataclass(frozen=True)
class Series:
    """One quantity of one run: `values`, `low`, `high` (trajectory, time) at `time` (trajectory, time); and
    whether its times are unevenly apart. `steps` are those of the optimizer (trajectory, time), where the
    run is of one or of its SDE."""

    time: Array
    values: Array
    low: Array
    high: Array
    uneven: bool = False
    steps: Array | None = None

    def clock(self, by_steps: bool) -> Array:
        """What it is aligned by (trajectory, time)."""
        return self.steps if by_steps and self.steps is not None else self.time


@dataclass(frozen=True)
class Aligned:
    """Both arms at the same times (T,): `simulated` (n_s, T), `real` (n_r, T), and how many were left out.

    `paired`: row i of both belongs together by design (`comparison.design`)."""

    times: Array
    simulated: Array
    real: Array
    simulated_interval: tuple[Array, Array]
    real_interval: tuple[Array, Array]
    dropped: int
    paired: bool = False


def series(run: Any, measured: Any | None, quantity: str) -> Series | None:
    """The series of a quantity, or of a part of it, from the measurements if they hold it, else from the run;
    None if neither does. Of trajectories that were not probed there are no rows."""
    found = measured_array(measured, quantity)
    if found is not None:
        time = _clock(measured, "probe_time", found[0].shape, "probe")
        probed = int(run.attrs.get("probe_trajectories", len(time)))
        # Of all trajectories there is what needs no probe.
        rows = slice(None if np.isfinite(found[0][probed:]).any() else probed)
        values, low, high = (part[rows] for part in found)
        steps = _steps(run, measured, "probe_step", time.shape)
        return Series(time[rows], values, low, high, steps=None if steps is None else steps[rows])
    held = _over_steps(run, quantity)
    if held is None:
        return None
    values = np.asarray(held.transpose("trajectory", "step").values, dtype=np.float64)
    nothing = np.full(values.shape, np.nan)
    clock = _clock(run, "time", values.shape, "step")
    steps = _steps(run, run, "step", values.shape)
    return Series(clock, values, nothing, nothing.copy(), uneven(run), steps)


def _over_steps(run: Any, name: str) -> Any | None:
    """A variable over (trajectory, step), or one coordinate of it by its number ("theta.0")."""
    base, _, part = name.partition(".")
    if base not in run or not {"trajectory", "step"} <= set(run[base].dims):
        return None
    others = [d for d in run[base].dims if d not in ("trajectory", "step")]
    if not others and not part:
        return run[base]
    if len(others) == 1 and part.isdigit() and int(part) < run.sizes[others[0]]:
        return run[base].isel({others[0]: int(part)})
    return None


def _steps(run: Any, source: Any, name: str, shape: tuple[int, ...]) -> Array | None:
    """Steps of the optimizer (trajectory, time), of a forecast those of the training before it too; None of a
    run that is of none."""
    if run.attrs.get("kind") == "real":
        share = 1.0
    elif "sde_time" in run and run.attrs.get("learning_rate"):
        share = 1 / max(1, round(float(run.attrs["learning_rate"]) / float(run.attrs["dt"])))
    else:
        return None
    if name not in source.coords and name not in source:
        return None
    begun = float(run.attrs.get("forecast_from", 0))
    return np.array(np.broadcast_to(begun + np.asarray(source[name].values, dtype=np.float64) * share, shape))


def _by_steps(simulated: Series, real: Series) -> bool:
    """Whether two series are aligned by the optimizer's steps: both have them, and time stands still in
    the real arm or is another in the simulated one at the same steps."""
    if simulated.steps is None or real.steps is None:
        return False
    known = [np.isfinite(s.time).all(axis=0) & np.isfinite(s.steps).all(axis=0) for s in (simulated, real)
             if s.steps is not None]  # fmt: skip
    if not all(k.any() for k in known):
        return False
    times = [s.time[:, k].mean(axis=0) for s, k in zip((simulated, real), known, strict=True)]
    steps = [s.mean(axis=0)[k] for s, k in zip((simulated.steps, real.steps), known, strict=True)]
    if (np.diff(times[1]) <= 0).any():
        return True
    both = (steps[1] >= steps[0][0]) & (steps[1] <= steps[0][-1])
    apart = np.abs(np.interp(steps[1][both], steps[0], times[0]) - times[1][both])
    return bool(apart.size and apart.max() > 1e-6 * max(abs(times[1][-1]), 1e-300))


def _clock(source: Any, clock: str, shape: tuple[int, ...], axis: str) -> Array:
    if clock not in source.coords and clock not in source:
        raise RunError(f"the run has no {clock!r} coordinate, so its {axis}s can't be put on a time axis")
    return np.array(np.broadcast_to(np.asarray(source[clock].values, dtype=np.float64), shape))


@dataclass(frozen=True)
class Common:
    """Several numbers of both arms at the same times (T,): lists of (n_s, T) and (n_r, T), the rows that were
    kept of each arm, and which of those `asked`, times or the optimizer's steps, are left."""

    times: Array
    simulated: list[Array]
    real: list[Array]
    kept: tuple[NDArray[np.bool_], NDArray[np.bool_]]
    asked: Array
    whole: NDArray[np.bool_]
    by_steps: bool = False


def align(simulated: Series, real: Series, paired: bool = False) -> Aligned | None:
    """Both series on the real run's times within the range common to both; None if nothing is shared.

    A trajectory of which fewer than half of the times are finite is left out, then a time at which any
    trajectory left is not finite, so that each mean is over the same trajectories at all times. Of paired
    arms with equally many both of a pair are left out.
    """
    found = common([simulated], [real], paired)
    if found is None:
        return None

    def pick(which: int, arm: Series, source: Array) -> Array:
        clock = arm.clock(found.by_steps)
        return np.asarray(_resample(clock, source, found.asked)[found.kept[which]][:, found.whole])

    return Aligned(
        times=found.times,
        simulated=found.simulated[0],
        real=found.real[0],
        simulated_interval=(pick(0, simulated, simulated.low), pick(0, simulated, simulated.high)),
        real_interval=(pick(1, real, real.low), pick(1, real, real.high)),
        dropped=int(sum((~k).sum() for k in found.kept)),
        paired=paired and len(found.kept[0]) == len(found.kept[1]),
    )


def common(
    simulated: Sequence[Series], real: Sequence[Series], paired: bool = False, most: int = MAX_TIMES
) -> Common | None:
    """Several series of two runs, as many of each, at the same times and of the same trajectories; else as
    `align`."""
    first, other = simulated[0], real[0]
    by_steps = _by_steps(first, other)
    clock, own_clock = other.clock(by_steps), first.clock(by_steps)
    finite = np.isfinite(clock).all(axis=0)
    times = clock[:, finite].mean(axis=0)
    start = max(np.nanmin(own_clock), np.nanmin(clock))
    end = min(np.nanmax(own_clock), np.nanmax(clock))
    slack = 1e-9 * max(abs(start), abs(end), 1e-300)
    times = np.unique(times[(times >= start - slack) & (times <= end + slack)])
    if first.uneven:
        own = own_clock[0][np.isfinite(own_clock[0])]
        times = times[(np.abs(times[:, None] - own).min(axis=1) <= slack)]
    if times.size > most:
        times = times[np.unique(np.linspace(0, times.size - 1, most).round().astype(int))]
    if times.size == 0:
        return None

    arms = [[_resample(s.clock(by_steps), s.values, times) for s in side] for side in (simulated, real)]
    seen = np.zeros(times.size, dtype=bool)
    for values in arms[0] + arms[1]:
        seen |= np.isfinite(values).any(axis=0)
    if not seen.any():
        return None
    kept = [
        np.all([np.isfinite(values[:, seen]).mean(axis=1) >= 0.5 for values in side], axis=0) for side in arms
    ]
    if paired and len(kept[0]) == len(kept[1]):
        kept = [kept[0] & kept[1]] * 2
    if not all(k.any() for k in kept):
        return None
    whole = np.ones(times.size, dtype=bool)
    for side, rows in zip(arms, kept, strict=True):
        for values in side:
            whole &= np.isfinite(values[rows]).all(axis=0)
    if not whole.any():
        return None
    picked = [[values[rows][:, whole] for values in side] for side, rows in zip(arms, kept, strict=True)]
    told = times[whole]
    if by_steps:
        told = np.interp(told, clock[:, finite].mean(axis=0), other.time[:, finite].mean(axis=0))
    return Common(told, picked[0], picked[1], (kept[0], kept[1]), times, whole, by_steps)


def _resample(time: Array, values: Array, times: Array) -> Array:
    """Row by row linear interpolation; a time next to a value that is not finite gives NaN."""
    out = np.full((values.shape[0], times.size), np.nan)
    for row, (clock, value) in enumerate(zip(time, values, strict=True)):
        usable = np.isfinite(clock)
        if not usable.any():
            continue
        clock, value = clock[usable], value[usable]
        clean = np.where(np.isfinite(value), value, np.nan)
        right = np.clip(np.searchsorted(clock, times), 0, clock.size - 1)
        left = np.clip(right - 1, 0, clock.size - 1)
        span = clock[right] - clock[left]
        weight = np.clip(np.where(span > 0, (times - clock[left]) / np.where(span > 0, span, 1.0), 1.0), 0, 1)
        # A weight of exactly 0 or 1 must not let a NaN neighbour in (0 · NaN is NaN).
        mixed = (1 - weight) * clean[left] + weight * clean[right]
        out[row] = np.where(weight == 1, clean[right], np.where(weight == 0, clean[left], mixed))
    return out
