"""Numbers of a whole run: means over its probes, exit times, time in wells and phases."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from sdesim.runs.quantities import quantities, support_of
from sdesim.runs.quantity_row import WELL
from sdesim.runs.registered import measured_array, numbers_of
from sdesim.scenario.expectations import Finding, find, over_trajectories
from sdesim.scenario.models import Expect


def mean_values(run: xr.Dataset, measured: xr.Dataset | None) -> dict[str, Any]:
    """Mean of every measured quantity over the probes after step 0, then over trajectories with its interval.

    The probe at step 0 tells of the start, not of the run; it counts only where it is the only one.
    """
    values: dict[str, Any] = {}
    if measured is None or not measured.sizes["probe"]:
        return values
    later = np.asarray(measured["probe_step"].values) > 0
    probed = int(run.attrs.get("probe_trajectories", measured.sizes["trajectory"]))
    for key in numbers_of(measured):
        held = measured_array(measured, key)
        assert held is not None
        found = held[0][:probed]
        found = found[:, later] if later.any() else found
        known = np.isfinite(found)
        count = known.sum(axis=1)
        with np.errstate(invalid="ignore"):
            means = np.where(known, found, 0.0).sum(axis=1) / np.where(count > 0, count, np.nan)
        q = over_trajectories(means, support_of(key))
        if q.n:
            values[key] = _plain(q)
    return values


def whole_values(arm: str, run: xr.Dataset, measured: xr.Dataset | None) -> dict[str, Any]:
    """Quantities without a moment: `exit_time.…`, `occupancy.…`, `phase_fraction.…`, as far as the run has
    them."""
    found: list[str] = []
    for row in quantities():
        if row.dims == WELL and row.name in run:
            found += [f"{row.name}.{part}" for part in run[WELL[-1]].values]
        elif row.words and measured is not None and row.name in measured:
            found += [f"{row.name}_fraction.{word}" for word in row.words]
        elif "exit event" in row.needs and row.met(map(str, run.data_vars)):
            found.append(row.name)
    asked = {name: Expect.model_construct(arm=arm, quantity=name, at="end") for name in found}
    return {name: _plain(find(e, run, measured, {})) for name, e in asked.items()}


def _plain(q: Finding) -> dict[str, Any]:
    return {"value": q.value, "low": q.low, "high": q.high, "n": q.n, "note": q.note}
