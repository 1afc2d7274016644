"""What a summary says of an arm's reductions: their values at the last saved step."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from sdesim.runs.attributes import rows

# A table of more says less.
_MOST = 12


def reduced_values(run: xr.Dataset) -> dict[str, Any]:
    """Which reductions there are, how many trajectories they are of, and the first values with intervals.

    Returns:
        kinds, live, stopped, lost, and values: name such as "moment[order=2, param=0]" → value, low, high, n
        and flags; an empty dict for a run without reductions.
    """
    told = rows(run.attrs, "reductions")
    if not told:
        return {}
    from sdesim.engine.reductions.estimates import estimate

    live, stopped, lost = (
        int(run[name if name in run else f"every_{name}"].values[-1])
        for name in ("live_count", "stopped_count", "lost_count")
    )
    values: dict[str, Any] = {}
    for name in map(str, run.data_vars):
        if not _estimable(run, name):
            continue
        found, array = estimate(run, name), run[name]
        along = "every_step" if "every_step" in array.dims else "step"
        others = [dim for dim in array.dims if dim != along]
        for place in np.ndindex(*(array.sizes[dim] for dim in others)):
            at = dict(zip(others, place, strict=True))
            index = tuple(at.get(dim, -1) for dim in array.dims)
            if len(values) < _MOST:
                e = found[index]
                # A central moment of order 1 is 0.
                if e.low == e.high:
                    continue
                where = ", ".join(f"{d}={_label(run, d, i)}" for d, i in at.items())
                values[f"{name}[{where}]"] = {
                    "value": e.value, "low": e.low, "high": e.high, "n": e.n, "flags": list(e.flags)
                }  # fmt: skip
    kinds = [str(fields["kind"]) for fields in told]
    return {"kinds": kinds, "live": live, "stopped": stopped, "lost": lost, "values": values}


def _estimable(run: xr.Dataset, name: str) -> bool:
    paths = {"trajectory", "probe"} & set(run[name].dims)
    interval = f"{name}_error" in run or {f"{name}_low", f"{name}_high"} <= set(run.data_vars)
    return interval and not paths


def _label(run: xr.Dataset, dim: Any, place: int) -> str:
    return f"{run[dim].values[place]:g}" if dim in run.coords else str(place)
