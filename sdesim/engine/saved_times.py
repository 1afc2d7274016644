"""How long a run goes on, and at which of its steps it is saved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.kinds.arrays import NoNumbers, real_array
from sdesim.kinds.spelling import short
from sdesim.runs.probes import saved_steps

Problem = tuple[tuple[str | int, ...], str]
# A time is a multiple of dt when it lies this near to one, in steps: times that a user has summed up are off
# by some roundings, and beyond 10⁹ steps a double itself is.
_NEAR, _ROUNDING = 1e-6, 4 * float(np.finfo(np.float64).eps)
_SAVED_POINTS = 1000
_MOST_STEPS = 2**33


def time_problems(
    dt: float, steps: Any = None, T: Any = None, save_every: Any = None, save_at: Any = None, begin: int = 0
) -> Iterator[Problem]:
    """What does not fit among the length of a run and the times at which it is saved.

    Args:
        dt: the time step. steps, T, save_every, save_at: as in `simulate`; steps and save_every are whole.
        begin: the step from which a continued run goes on.

    Yields:
        (field, message).
    """
    if (steps is None) == (T is None):
        found = "neither" if steps is None else f"steps = {steps} and T = {T:g}"
        yield (("steps" if steps is None else "T",), f"found {found}, allowed: exactly one of steps and T")
        return
    if steps is not None and not np.isfinite(dt * (begin + float(steps))):
        yield ("dt",), f"found {dt:g}, allowed: less, {steps} steps of it are longer than any number"
        return
    if T is not None and (wrong := _no_multiple(T, dt, begin + 1)):
        yield ("T",), wrong
        return
    if save_at is None:
        return
    if save_every is not None:
        yield ("save_at",), "found save_every too, allowed: one of save_at and save_every"
        return
    times = _as_times(save_at)
    if times is None or not times.size:
        yield ("save_at",), f"found {short(save_at)}, allowed: times from 0 on, one or several"
        return
    end, before = begin + steps_of(dt, steps, T, begin), -1
    for k, time in enumerate(times):
        wrong = _no_multiple(time, dt, begin)
        if not wrong and (at := round(time / dt)) <= before:
            wrong = f"found {time:g} after {times[k - 1]:g}, allowed: times that increase"
        elif not wrong and at > end:
            wrong = f"found {time:g}, allowed: at most {end * dt:g}, the end of the run"
        if wrong:
            yield ("save_at", k), wrong
            return
        before = at


def steps_of(dt: float, steps: int | None, T: float | None, begin: int = 0) -> int:
    """How many steps a run makes, from the step on from which it goes on."""
    if steps is not None:
        return int(steps)
    assert T is not None
    return round(T / dt) - begin


def steps_to_save(
    dt: float, steps: int, save_every: int | None, save_at: Any, begin: int = 0
) -> NDArray[np.int64]:
    """The saved step numbers: those of the times, or begin, begin + every, … and the last."""
    if save_at is None:
        every = max(1, steps // _SAVED_POINTS) if save_every is None else save_every
        return np.asarray(begin + saved_steps(steps, every), dtype=np.int64)
    times = _as_times(save_at)
    assert times is not None
    return np.array([round(time / dt) for time in times], dtype=np.int64)


def _as_times(save_at: Any) -> NDArray[np.float64] | None:
    """Times as an array (n,); None where they are none."""
    try:
        times = np.atleast_1d(real_array(save_at))
    except NoNumbers:
        return None
    return times.astype(np.float64) if times.ndim == 1 and times.dtype.kind in "iuf" else None


def _no_multiple(time: float, dt: float, least: int) -> str:
    """Why a time is none of a run: it is no multiple of dt from so many steps on; empty where it is one."""
    where = "from 0 on" if least == 0 else f"from {least * dt:g} on" if least > 1 else "above 0"
    if not (np.isfinite(time) and time >= 0 and time / dt < _MOST_STEPS):
        return f"found {time:g}, allowed: multiples of dt = {dt:g} {where}"
    count = time / dt
    if abs(count - round(count)) > max(_NEAR, _ROUNDING * count) or round(count) < least:
        near = sorted({max(least, int(np.floor(count))), max(least, int(np.ceil(count)))})
        nearest = " and ".join(f"{k * dt:.10g}" for k in near)
        return f"found {time:.10g}, allowed: multiples of dt = {dt:g} {where}; the nearest: {nearest}"
    return ""
