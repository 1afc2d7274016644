"""C, C*, progress and the phase of a run as smoothed series over its probes, and where the phase changes.

Each trajectory is a series of its own. |μ|² and Tr Σ, whose ratio is C, are smoothed apart. C* of plain steps
is proportional to the learning rate, which is known: C*/η is smoothed, so that a scheduled fall of η is not
smoothed away. The phase is the sign of the smoothed C − C*; where a phase was decided by measured progress,
the sign of that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ndtri

from sdesim.estimate import AnyEstimate
from sdesim.estimators import change_points, smooth, smoothed_difference, smoothed_phase, smoothed_ratio
from sdesim.runs.measured import Column, Mask
from sdesim.runs.measures.contradiction import BY_LOSS, BY_PROGRESS
from sdesim.runs.measures.gradient import values_of
from sdesim.runs.measures.steps import models_steps, phase_is_of_progress

Array = NDArray[np.float64]
Words = NDArray[np.str_]
# What a reading's flag says of the whole series.
_LASTING = (
    "heavy_tail_variance_undefined", "jump_infinite", "sampling_unknown", "reshuffled", "decay_not_in_loss",
)  # fmt: skip


@dataclass(frozen=True)
class Smoothed:
    """What `smoothed` makes, under names that end in ``_smooth`` but for the changes.

    Attributes:
        columns, words: over (trajectory, probe).
        changes: over (trajectory, change), NaN where a trajectory has fewer: `change_point` and its ends, and
            `change_direction`, 1 into generalization and −1 into exploration.
    """

    columns: dict[str, Column]
    words: dict[str, Words]
    changes: dict[str, Array]


def smoothed(
    run: xr.Dataset, level: float, columns: Mapping[str, Column], words: Mapping[str, Words]
) -> Smoothed:
    """Smoothed series of what a run's probes measured.

    Args:
        columns, words: as `measure` makes them; C_excess, where single readings tell C − C* at once.

    Returns:
        C_alpha_smooth, C_star_smooth, C_excess_smooth (C − C*), progress_smooth, progress_heldout_smooth;
        phase_smooth, and in phase_smooth_reason why it is undefined or not decided; the changes.
    """
    times = _times(run)
    found: dict[str, Column] = {}
    if {"signal", "C_alpha"} <= set(columns):
        found["C_alpha"] = _with_flags(Column(_ratio(columns, times, level)), columns["C_alpha"])
    if "C_star" in columns:
        found["C_star"] = _critical(run, columns["C_star"], times, level)
    if "C_excess" in columns:
        found["C_excess"] = _with_flags(
            Column(_smooth(columns["C_excess"], times, level)), columns["C_excess"]
        )
    elif {"C_alpha", "C_star"} <= set(found):
        excess = smoothed_difference(found["C_alpha"].estimate, found["C_star"].estimate)
        found["C_excess"] = Column(excess)
    for name in ("progress", "progress_heldout"):
        if name in columns:
            found[name] = _with_flags(Column(_smooth(columns[name], times, level)), columns[name])
    labels, changes = _phases(run, times, columns, words, found)
    shown = {name: _shown(name, column) for name, column in found.items()}
    return Smoothed({f"{name}_smooth": column for name, column in shown.items()}, labels, changes)


def _critical(run: xr.Dataset, star: Column, times: Array, level: float) -> Column:
    """C* by way of C*/η; of an optimizer with a form of its own as it is."""
    rate = values_of(run, "step_size")
    if models_steps(run):
        return _with_flags(Column(_smooth(star, times, level)), star)
    known = np.where(rate > 0, rate, np.nan)
    per_rate = replace(star, estimate=star.estimate.mapped(lambda x: x / known))
    made = _smooth(per_rate, times, level).mapped(lambda x: x * known)
    return _with_flags(Column(made), star)


def _phases(
    run: xr.Dataset, times: Array, columns: Mapping[str, Column], words: Mapping[str, Words],
    found: Mapping[str, Column],
) -> tuple[dict[str, Words], dict[str, Array]]:  # fmt: skip
    """phase_smooth with its reasons, and the changes of the statistic that it is the sign of."""
    if "phase" not in words or not {"C_excess", "progress"} & set(found):
        return {}, {}
    statistic = _statistic(run, words["phase_method"], found)
    still = values_of(run, "step_size") == 0
    flags = words.get("phase_flags", np.full(still.shape, ""))
    against = {name: np.char.find(flags, name) >= 0 for name in (BY_PROGRESS, BY_LOSS)}
    labels, reasons = smoothed_phase(statistic, {"rate_zero": still, **against})
    if "C_alpha" in columns:
        # Without noise |μ|² and C* are exact, and there is no ratio to smooth.
        plain = columns["C_alpha"].flags.get("zero_noise", False) & ~still
        labels = np.where(plain, words["phase"], labels)
        reasons = np.where(plain, np.where(labels == "undefined", flags, ""), reasons)
    each = [change_points(statistic[k], times[k]) for k in range(len(labels))]
    return {"phase_smooth": labels, "phase_smooth_reason": reasons}, _changes(each)


def _statistic(run: xr.Dataset, how: Words, found: Mapping[str, Column]) -> Any:
    """C − C*, or the decrease of the loss in trajectories whose phases are mostly decided by that."""
    fall = found["progress"].estimate.mapped(np.negative, falling=True) if "progress" in found else None
    excess = found["C_excess"].estimate if "C_excess" in found else None
    if fall is None or excess is None:
        return excess if fall is None else fall
    by_progress = phase_is_of_progress(run, how)
    mostly = (by_progress.sum(axis=1) > 0.5 * (how != "").sum(axis=1))[:, None]
    ends = {
        name: np.where(mostly, getattr(fall, name), getattr(excess, name))
        for name in ("value", "low", "high")
    }
    flags = {
        name: np.where(mostly, fall.has(name), excess.has(name)) for name in {**excess.flags, **fall.flags}
    }
    return replace(excess, **ends, n=np.where(mostly, fall.n, excess.n), flags=flags)


def _changes(each: list[tuple[AnyEstimate, ...]]) -> dict[str, Array]:
    shape = len(each), max((len(points) for points in each), default=0)
    made = {name: np.full(shape, np.nan) for name in ("", "_low", "_high", "direction")}
    for k, points in enumerate(each):
        for j, point in enumerate(points):
            numbers = (point.value, point.low, point.high, point.details["direction"])
            for array, x in zip(made.values(), numbers, strict=True):
                array[k, j] = x
    return {"change_direction" if n == "direction" else f"change_point{n}": x for n, x in made.items()}


def _ratio(columns: Mapping[str, Column], times: Array, level: float) -> Any:
    """C of smoothed |μ|² and Tr Σ."""
    (signal, signal_error), (noise, noise_error) = (_readings(columns[n], level) for n in ("signal", "noise"))
    found = smoothed_ratio(signal, signal_error, noise, noise_error, times, level)
    unread = np.isfinite(signal) & (np.isnan(signal_error) | np.isnan(noise_error))
    return replace(found, flags={"no_reading_error": unread, **found.flags})


def _smooth(column: Column, times: Array, level: float) -> Any:
    values, errors = _readings(column, level)
    found = smooth(values, errors, times, level)
    return replace(found, flags={"no_reading_error": np.isfinite(values) & np.isnan(errors), **found.flags})


def _readings(column: Column, level: float) -> tuple[Array, Array]:
    """Readings and their standard errors."""
    e = column.estimate
    # Student's quantile of few draws errs to the wide side; likelihood finds by how much errors are off.
    errors = 0.5 * (e.high - e.low) / float(ndtri(0.5 + level / 2))
    return np.where(np.isfinite(e.value), e.value, np.nan), errors


def _with_flags(column: Column, readings: Column) -> Column:
    """The flags of any reading of a series, for all of it, which rests on all of them."""
    flags = {
        name: np.broadcast_to(readings.flags[name].any(axis=1, keepdims=True), column.value.shape)
        for name in _LASTING if name in readings.flags
    }  # fmt: skip
    e = column.estimate
    return Column(replace(e, flags={**e.flags, **flags}))


def _shown(name: str, column: Column) -> Column:
    """C is not negative: its interval ends at 0, and a value below is flagged, as that of a reading."""
    if name != "C_alpha":
        return column
    e = column.estimate
    below: Mask = e.value < 0
    low, high = np.maximum(e.low, 0.0), np.maximum(e.high, 0.0)
    return Column(replace(e, low=low, high=high, flags={**e.flags, "negative_signal": below}))


def _times(run: xr.Dataset) -> Array:
    """(trajectory, probe); where a trajectory has no time any more its last one."""
    time = run["probe_time"]
    shape = (run.sizes["trajectory"], run.sizes["probe"])
    whole = time.transpose(*(d for d in ("trajectory", "probe") if d in time.dims)).values
    t = np.broadcast_to(np.asarray(whole, dtype=np.float64), shape)
    last = np.maximum.accumulate(np.where(np.isfinite(t), t, -np.inf), axis=1)
    return np.where(np.isfinite(last), last, 0.0)
