"""At which steps a run was saved, and whether its end is among them."""

from __future__ import annotations

import numpy as np
import xarray as xr


def last_step(run: xr.Dataset) -> int:
    """The step at which the run ends, saved or not."""
    return int(run.attrs.get("steps", run["step"].values.max()))


def end_time(run: xr.Dataset) -> float:
    """The time at which the run ends, saved or not."""
    if "steps" in run.attrs:
        return float(run.attrs["steps"] * run.attrs["dt"])
    return float(run["time"].values.max())


def holds_end(run: xr.Dataset) -> bool:
    """Whether the last saved step is the last of the run."""
    return int(run["step"].values[-1]) == last_step(run)


def uneven(run: xr.Dataset) -> bool:
    """Whether saved steps are unevenly spaced; the last gap may be shorter than the others."""
    gaps = np.diff(run["step"].values)
    return bool((gaps[:-1] != gaps[0]).any() or gaps[-1] > gaps[0]) if gaps.size else False
