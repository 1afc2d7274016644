"""What a training's own steps say, as they were read one after another: C, C*, drift and phase of windows.

Each place is what a watched training said there: of the readings up to it, and of none after it
(`estimators.dynamics.read_steps`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdesim.estimate import AnyEstimate, Estimate
from sdesim.estimators import per_example, probability
from sdesim.estimators.core.places import stacked
from sdesim.estimators.dynamics.read_steps import ReadSteps, Told, newest_of_each
from sdesim.runs.attributes import rows
from sdesim.runs.measured import Column
from sdesim.runs.measures.gradient import values_of
from sdesim.runs.measures.single_readings import single_readings

Array = NDArray[np.float64]
_MISSING = Estimate(np.nan, np.nan, np.nan, 0.95, "", 0)
# Of successive steps where batches come in epochs, or it is not known how; and where decay is in the step.
_DECAY, _OF_STEPS = "decay_not_in_loss", ("clipped", "step_rounded")


# Places at a time.
_TOGETHER = 64


@dataclass(frozen=True)
class Found:
    """Columns and words of `successive`, and of single readings the columns that series are smoothed from."""

    columns: dict[str, Column]
    words: dict[str, NDArray[np.str_]]
    readings: dict[str, Column]


def holds_steps(run: xr.Dataset) -> bool:
    """Whether a run is of steps that were read one after another."""
    return "step_after" in run and "window" in run.attrs


def successive(run: xr.Dataset, level: float, columns: Mapping[str, Column]) -> Found:
    """C_alpha, C_1, p, odds, C_group, C_star, lyapunov_drift and the phase at each probe.

    Args:
        columns: of each probe by itself; literal forms stay theirs.
    """
    shape = (run.sizes["trajectory"], run.sizes["probe"])
    told: list[Told | None] = []
    read_all = [_steps(run, k) for k in range(shape[0])]
    for read in read_all:
        told += _along(read, int(run.attrs["window"]), int(run.attrs["phase_window"]), level)
    batch = np.stack([read.batch for read in read_all])
    varies = np.array([t is not None and t.varies for t in told]).reshape(shape)
    more = {"batch_varies": varies}
    flags = {str(flag): np.ones(shape, dtype=bool) for flag in rows(run.attrs, "step_flags")}
    more |= {flag: mask for flag, mask in flags.items() if flag not in _OF_STEPS}

    def column(name: str, e: AnyEstimate, flags: Mapping[str, Any]) -> Column:
        own = columns.get(name)
        literal = None if own is None else own.literal
        return replace(Column.of(e, {**e.flags, **flags}, literal), method=e.method)

    c = _of(told, "c", shape)
    # C at the batch of each step; where it is not known there is no example to speak of.
    one = per_example(c, 1.0).mapped(lambda x: x / batch)
    found = {
        "C_alpha": column("C_alpha", c, more), "odds": column("odds", c, more),
        "p": column("p", probability(c), more),
        "C_1": column("C_1", one, {**more, "no_batch": np.isnan(batch)}),
    }  # fmt: skip
    if "C_group" in columns:
        each = [e for t in told for e in (t.groups if t is not None else ())]
        whole = (*shape, run.sizes["group"])
        if len(each) == np.prod(whole):
            groups = stacked(each, whole)
            wide = {name: np.broadcast_to(mask[..., None], whole) for name, mask in more.items()}
            found["C_group"] = column("C_group", groups, wide)
    flags |= {**more, _DECAY: np.full(shape, bool(run.attrs.get("weight_decay")))}
    sampling = str(run.attrs.get("step_sampling", ""))
    flags |= {sampling: np.ones(shape, dtype=bool)} if sampling else {}
    for name, part in (("C_star", "c_star"), ("lyapunov_drift", "drift")):
        found[name] = column(name, _of(told, part, shape), flags)
    phases = np.array(["undefined" if t is None else t.phase for t in told]).reshape(shape)
    how = np.where(phases == "undefined", "", found["lyapunov_drift"].estimate.method)
    lasting = ";".join(name for name in (sampling, _DECAY if run.attrs.get("weight_decay") else "") if name)
    words = {
        "phase": phases, "phase_method": np.asarray(how, dtype=str),
        "phase_flags": np.where(phases == "undefined", "", lasting),
    }  # fmt: skip
    readings = single_readings(read_all, level)
    for name in ("C_star", "C_excess"):
        single = readings[name]
        readings[name] = replace(single, estimate=replace(single.estimate, flags=flags))
    if not np.isfinite(readings["C_star"].value).any():
        del readings["C_star"]
    return Found(found, words, readings)


def _along(read: ReadSteps, window: int, phase_window: int, level: float) -> list[Told | None]:
    most = max(window, phase_window)
    known = np.isfinite(read.signal) & np.isfinite(read.noise)
    # A window is of steps that were read: at other probes something else was.
    held, places = read.where(known), np.flatnonzero(known)
    found: list[Told | None] = [None] * len(known)
    for at in range(0, len(places), _TOGETHER):
        some = range(at, min(at + _TOGETHER, len(places)))
        reads = [held.newest(most, k + 1) for k in some]
        for k, told in zip(some, newest_of_each(reads, window, phase_window, level), strict=True):
            found[places[k]] = told
    return found


def _steps(run: xr.Dataset, trajectory: int) -> ReadSteps:
    """The readings of one trajectory, in order."""
    signal, noise, n, rate, batch, before, after, gain, clipped, outside = (
        values_of(run, name)[trajectory]
        for name in ("signal", "noise", "gradient_samples", "step_size", "step_batch", "step_before",
                     "step_after", "step_gain", "step_clipped", "step_outside")
    )  # fmt: skip
    groups = np.empty((2, len(n), 0))
    if "group_signal" in run:
        groups = np.stack([values_of(run, f"group_{part}")[trajectory] for part in ("signal", "noise")])
    return ReadSteps(
        step=np.asarray(run["probe_step"].values, dtype=np.float64), rate=rate, signal=signal - noise / n,
        noise=noise, batch=batch, before=before, after=after, gain=gain, clipped=clipped, outside=outside,
        group_signal=groups[0] - groups[1] / n[:, None], group_noise=groups[1],
    )  # fmt: skip


def _of(told: list[Told | None], part: str, shape: tuple[int, int]) -> Any:
    each = [None if t is None else getattr(t, part) for t in told]
    return stacked([_MISSING if e is None else e for e in each], shape)
