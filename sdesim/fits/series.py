"""Series as people have them, arrays, pandas, xarray, read as transitions of one process."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import EstimatorError, SdesimError
from sdesim.fits.transitions import Transitions
from sdesim.kinds.arrays import NoNumbers, real_array
from sdesim.kinds.numbers import positive
from sdesim.kinds.spelling import short

Array = NDArray[np.float64]

UNITS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0, "week": 604800.0, "year": 31557600.0}
_FEWEST = 3
# A value that stays where it is: no process with noise does, but a path that was stopped, or a dead sensor.
_FROZEN = 4
# Squares of larger ones overflow.
_LARGEST = 1e100


def read_series(series: Any, dt: Any = None, times: Any = None, unit: str = "day") -> Transitions:
    """The transitions of a series; see `sdesim.fit` for what it may be.

    Raises:
        EstimatorError: one line, the field named.
    """
    if unit not in UNITS:
        raise EstimatorError(f"unit: found {short(unit)}, allowed: {', '.join(UNITS)}")
    if dt is not None and times is not None:
        raise EstimatorError("times: found beside dt, allowed: one of the two")
    told = ""
    if hasattr(series, "dims") and hasattr(series, "coords"):
        values, index, name = _of_xarray(series)
    elif hasattr(series, "index") and hasattr(series, "to_numpy"):
        values, index, name = _of_pandas(series)
    else:
        values, index, name = _numbers(series), None, "series"
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2:
        raise EstimatorError(f"series: found shape {values.shape}, allowed: (n,) or (n, series)")
    notes: list[str] = []
    if times is not None:
        index, name = _plain_times(times, "times"), "times"
    clock: Array | None = None
    if index is not None and (dt is None or index.ndim == 1):
        clock, told = _clock(index, unit, name, len(values))
    if dt is not None:
        step = _step(dt)
        if clock is not None and _irregular(clock):
            notes.append("times_overridden")
        clock, told = np.asarray(step * np.arange(len(values)), dtype=np.float64), ""
    if clock is None:
        raise EstimatorError(
            "dt: missing, allowed: a number above 0, or a series whose index holds its times"
        )
    return _made(values, clock, told, notes)


def _made(values: Array, clock: Array, unit: str, notes: list[str]) -> Transitions:
    infinite = int(np.isinf(values).sum())
    if infinite:
        raise EstimatorError(f"series: found {infinite} infinite values, allowed: finite numbers and NaN")
    known = np.isfinite(values)
    largest = float(np.abs(values[known]).max(initial=0.0))
    if largest > _LARGEST:
        raise EstimatorError(f"series: found numbers up to {largest:.3g}, allowed: up to {_LARGEST:g}")
    kept_times, kept = [], []
    for k in range(values.shape[1]):
        at = known[:, k]
        time = clock if clock.ndim == 1 else clock[:, k]
        if at.sum() > 1:
            kept_times.append(time[at])
            kept.append(values[at, k])
            _refuse_frozen(kept[-1], k, values.shape[1])
    total = int(known.sum())
    if sum(len(x) for x in kept) < _FEWEST:
        raise EstimatorError(f"series: found {total} numbers, allowed: {_FEWEST} and more of a series")
    missing = int(known.size - total)
    repeated = sum(int((np.diff(x) == 0).sum()) for x in kept)
    notes += ["missing_values"] if missing else []
    notes += ["repeated_values"] if repeated else []
    notes += ["empty_series"] if len(kept) < values.shape[1] else []
    found = Transitions(
        tuple(kept_times), tuple(kept), missing, tuple(notes), unit, {"repeated": repeated}
    )  # fmt: skip
    if not found.size > 0:
        raise EstimatorError("series: found one value throughout, allowed: values that differ")
    return found


def _refuse_frozen(x: Array, k: int, of: int) -> None:
    tail = int(np.argmax(x[::-1] != x[-1])) if (x != x[-1]).any() else len(x)
    if len(x) > _FROZEN and _FROZEN <= tail < len(x):
        which = f" of series {k}" if of > 1 else ""
        raise EstimatorError(
            f"series: found the same value {tail} times at the end{which}, allowed: values that move; "
            "a path that was stopped is no series of its process"
        )


def _numbers(series: Any) -> Array:
    try:
        array = real_array(series)
        if array.dtype.kind == "b":
            raise NoNumbers("found truth values")
    except NoNumbers as error:
        raise EstimatorError(f"series: {error}, allowed: real numbers (n,) or (n, series)") from None
    return array.astype(np.float64)


def _step(dt: Any) -> float:
    try:
        step = math.nan if isinstance(dt, bool | np.bool_) else positive(dt, "dt")
    except SdesimError:
        step = math.nan
    if math.isnan(step):
        raise EstimatorError(f"dt: found {short(dt)}, allowed: a number above 0")
    return step


def _of_pandas(series: Any) -> tuple[Array, Any, str]:
    """Values, the index where it tells times, and its name."""
    kinds = [getattr(d, "kind", "O") for d in np.atleast_1d(np.array(series.dtypes, dtype=object))]
    try:
        # Dates would be read as nanoseconds.
        if any(kind in "Mmcb" for kind in kinds):
            raise TypeError
        values = real_array(series).astype(np.float64)
    except (TypeError, NoNumbers):
        raise EstimatorError("series: found columns that are no numbers, allowed: numbers and NaN") from None
    index = series.index
    if hasattr(index, "to_timestamp"):
        index = index.to_timestamp()
    if getattr(index, "tz", None) is not None:
        index = index.tz_convert("UTC").tz_localize(None)
    array = index.to_numpy()
    # pandas numbers the rows of what has no index; that is no time.
    counted = array.dtype.kind in "iu" and np.array_equal(array, np.arange(array.size))
    if counted or array.dtype.kind not in "iufMm":
        return values, None, "index"
    return values, array, "index"


def _of_xarray(series: Any) -> tuple[Array, Any, str]:
    """Values with time first, and the coordinate that tells it."""
    if hasattr(series, "data_vars"):
        raise EstimatorError('series: found a Dataset, allowed: one of its variables, such as run["theta"]')
    single = [d for d in series.dims if series.sizes[d] == 1 and len(series.dims) > 1]
    series = series.squeeze(single, drop=True)
    along = _time_dim(series)
    others = [d for d in series.dims if d != along]
    if len(others) > 1 or "param" in others:
        one = "param" if "param" in others else others[-1]
        raise EstimatorError(
            f"series: found {series.sizes[one]} places along {one}, allowed: one, "
            f"such as .isel({one}=0): series are draws of one process"
        )
    series = series.transpose(along, *others)
    name = "time" if "time" in series.coords else along
    index = None
    if name in series.coords:
        coordinate = series.coords[name]
        index = coordinate.transpose(*(d for d in (along, *others) if d in coordinate.dims)).to_numpy()
        if name != "time" and index.dtype.kind in "iu" and along != "time":
            # Numbers of steps or rows are no times.
            index = None
    return _numbers(series.to_numpy()), index, name


def _time_dim(series: Any) -> str:
    dims = [str(d) for d in series.dims]
    if "time" in series.coords and series.coords["time"].ndim:
        inside = [str(d) for d in series.coords["time"].dims]
        return "step" if "step" in inside else inside[0]
    named = [d for d in ("time", "step") if d in dims]
    if named or len(dims) == 1:
        return named[0] if named else dims[0]
    dated = [d for d in dims if d in series.coords and series.coords[d].dtype.kind in "Mmf"]
    if len(dated) == 1:
        return dated[0]
    raise EstimatorError(f"series: found dimensions {', '.join(dims)}, allowed: one of them called time")


def _plain_times(times: Any, name: str) -> Any:
    try:
        array = np.asarray(times)
    except ValueError:
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "iufMm" or array.ndim not in (1, 2):
        raise EstimatorError(f"{name}: found {type(times).__name__}, allowed: numbers or dates (n,)")
    return array


def _clock(index: Any, unit: str, name: str, n: int) -> tuple[Array, str]:
    """Times from 0 on, and the unit where they are dates."""
    if len(index) != n:
        raise EstimatorError(f"{name}: found {len(index)} times, allowed: {n}, as many as values")
    told = ""
    if index.dtype.kind in "Mm":
        if np.isnat(index).any():
            raise EstimatorError(f"{name}: found times that are missing, allowed: a time for every value")
        nanoseconds = (index - index[0]).astype("timedelta64[ns]").astype(np.int64)
        clock, told = nanoseconds / (1e9 * UNITS[unit]), unit
    else:
        clock = np.asarray(index, dtype=np.float64)
    if not np.isfinite(clock).all():
        raise EstimatorError(f"{name}: found times that are missing or infinite, allowed: finite numbers")
    falls = np.argwhere(np.diff(clock, axis=0) <= 0)
    if falls.size:
        raise EstimatorError(
            f"{name}: found a time that does not rise at place {falls[0][0] + 1}, allowed: rising ones"
        )
    return clock, told


def _irregular(clock: Array) -> bool:
    gaps = np.diff(clock, axis=0)
    return bool(gaps.size) and float(gaps.max()) > (1.0 + 1e-6) * float(gaps.min())
