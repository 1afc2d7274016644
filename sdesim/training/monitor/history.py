"""The measurements of a training, wherever they are: a live monitor, a folder, or a recorded run."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sdesim.errors import RunError
from sdesim.estimators import Estimate
from sdesim.training.monitor.measurement import Measurement, monitored_quantities


def history_of(source: Any, trajectory: int = 0) -> list[Measurement]:
    """Measurements, oldest first.

    Args:
        source: a `Watch` or `Monitor`; measurements, or one; a run with probes; the path of a stored run, or
            of a folder that a monitor writes (`sinks.Folder`).
        trajectory: of a run. Its probes are read together (`measure(run, smooth=True)`), as single ones are
            often too vague; steps that a `Watch` read as it did.

    Raises:
        RunError: there are none.
    """
    if isinstance(source, str | os.PathLike):
        return _stored(Path(source), trajectory)
    if isinstance(source, xr.Dataset):
        return _of_run(source, trajectory)
    held = getattr(source, "history", source)
    found = [held] if isinstance(held, Measurement) else list(held)
    if not found:
        raise RunError("monitor: no measurements yet")
    return found


def _stored(path: Path, trajectory: int) -> list[Measurement]:
    from sdesim.runs import open_run
    from sdesim.runs.watched import is_watched, read_watched

    if is_watched(path):
        found = [Measurement.from_dict(told) for told in read_watched(path).readings]
        if not found:
            raise RunError(f"{path} holds no measurement yet")
        return found
    return _of_run(open_run(path), trajectory)


def _of_run(run: xr.Dataset, trajectory: int) -> list[Measurement]:
    from sdesim.runs import measure
    from sdesim.runs.measures.successive import holds_steps
    from sdesim.runs.registered import measured_array, part_names

    if "probe" not in run.dims:
        raise RunError("the run holds no probes: record it with probes=sdesim.Probes(every=…)")
    if not 0 <= trajectory < run.sizes["trajectory"]:
        raise RunError(
            f"trajectory: found {trajectory}, allowed: 0 to {run.sizes['trajectory'] - 1}, those of the run"
        )
    one = run.isel(trajectory=[trajectory])
    # Steps that were read one after another are read together as they were, by windows.
    measured = measure(one, smooth=not holds_steps(run))
    quantities = _quantities(measured)
    parts = part_names(measured, "C_group") if "C_group" in measured else []
    groups = {part: measured_array(measured, f"C_group.{part}") for part in parts}
    level = float(measured.attrs["level"])
    steps = np.asarray(run["probe_step"].values)
    times = np.broadcast_to(np.asarray(one["probe_time"].values), (1, len(steps)))[0]
    rate = _row(one, "step_size", len(steps))
    loss, epoch = _at(one, "loss", steps), _at(one, "epoch", steps)
    tests = _at(one, "test_loss", steps)
    batch = _row(one, "step_batch", len(steps))
    batch = np.where(np.isnan(batch), float(run.attrs.get("batch_size") or 0), batch)
    sizes = {name: _row(measured, name, len(steps)) for name in ("signal", "noise")}
    words = {
        name: [str(w) for w in measured[source].transpose("trajectory", "probe").values[0]]
        for name, source in _words(measured)
    }
    made = []
    for k, step in enumerate(steps):
        given: dict[str, Any] = {name: float(values[k]) for name, values in sizes.items()}
        given |= {name: texts[k] for name, texts in words.items()}
        given |= {name: e for name, held in quantities.items() if (e := _place(held, k, level)) is not None}
        layers = {part: _place((*held, None, None), k, level) for part, held in groups.items() if held}
        made.append(
            Measurement.of(
                int(step), time=float(times[k]), learning_rate=float(rate[k]), loss=float(loss[k]),
                epoch=None if math.isnan(epoch[k]) else float(epoch[k]),
                validation_loss=None if math.isnan(tests[k]) else float(tests[k]),
                batch_size=int(batch[k]), flags=tuple(run.attrs.get("step_flags", ())),
                groups={part: e for part, e in layers.items() if e is not None}, **given,
            )
        )  # fmt: skip
    return made


def _words(measured: xr.Dataset) -> list[tuple[str, str]]:
    """Words of a measurement, and where they stand: the smoothed phase, where there is one."""
    smooth = "phase_smooth" in measured
    places = {"phase": "phase_smooth" if smooth else "phase", "phase_literal": "phase_literal"}
    places |= {} if smooth else {"phase_method": "phase_method"}
    return [(name, source) for name, source in places.items() if source in measured]


def _quantities(measured: xr.Dataset) -> dict[str, tuple[Any, ...]]:
    """Value, ends, methods and flags of each quantity over (trajectory, probe); the smoothed series
    of those that have one, and what follows from it."""
    held = {name: a for name in monitored_quantities() if (a := _array(measured, name)) is not None}
    smooth = {name: a for name in held if (a := _array(measured, f"{name}_smooth")) is not None}
    if "C_alpha" not in smooth:
        return held
    value, low, high, *words = smooth["C_alpha"]
    if "p" in held:
        smooth["p"] = (*(c / (1 + c) for c in (value, low, high)), *words)
    if "C_1" in held:
        # Their ratio is the batch, or what it comes to without replacement.
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = held["C_1"][0] / held["C_alpha"][0]
        ratio = np.median(known) if (known := ratios[np.isfinite(ratios)]).size else np.nan
        smooth["C_1"] = (value * ratio, low * ratio, high * ratio, *words)
        # It is read off C_1.
        held.pop("critical_batch", None)
    return held | smooth


def _array(measured: xr.Dataset, name: str) -> tuple[Any, ...] | None:
    """As a value of `_quantities`."""
    from sdesim.runs.registered import measured_array

    held = measured_array(measured, name) if name in measured else None
    if held is None:
        return None
    words = tuple(
        measured[f"{name}_{side}"].transpose("trajectory", "probe").values
        if f"{name}_{side}" in measured
        else None
        for side in ("method", "flags")
    )
    return (*held, *words)


def _place(held: tuple[Any, ...], k: int, level: float) -> Estimate | None:
    """A quantity at one probe; None where it was not measured."""
    value, low, high, method, flags = held
    ends = float(value[0, k]), float(low[0, k]), float(high[0, k])
    if all(math.isnan(x) for x in ends):
        return None
    how = "measure" if method is None else str(method[0, k]) or "measure"
    told = () if flags is None else tuple(word for word in str(flags[0, k]).split(";") if word)
    return Estimate(ends[0], ends[1], ends[2], level, how, 1, told)


def _row(run: xr.Dataset, name: str, count: int) -> Any:
    if name not in run:
        return np.full(count, math.nan)
    return run[name].transpose("trajectory", "probe").values[0]


def _at(run: xr.Dataset, name: str, steps: Any) -> Any:
    """What is saved over steps at those of the probes; NaN where it is not."""
    if name not in run and name not in run.coords:
        return np.full(len(steps), math.nan)
    held = run[name] if "trajectory" not in run[name].dims else run[name].isel(trajectory=0)
    found = held.reindex(step=steps)
    return np.asarray(found.values, dtype=np.float64)
