"""What reductions have kept of all trajectories together, over time."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from sdesim.plots.arms import ArmView, Data, views_of
from sdesim.plots.style import NothingToDraw, band, clock, course, finish, legend, panels
from sdesim.runs.attributes import rows

# Coordinates that are drawn, the first ones.
MOST_COORDINATES = 3


def ensemble(data: Data, *, measured: Any = None, axes: Any = None) -> Any:
    """Where the trajectories of runs with reductions lie: a panel for each of the first coordinates, with the
    middle one of the quantiles and a band from the smallest to the largest of them; else mean and standard
    deviation of the moments; else a band between the extremes.

    Raises:
        NothingToDraw: no run has any of these.
    """
    views = [view for view in views_of(data, measured) if _where(view.run) is not None]
    if not views:
        raise NothingToDraw("no run holds quantiles, moments or extremes of its trajectories over time")
    count = min(MOST_COORDINATES, max(int(view.run.sizes["param"]) for view in views))
    with panels(axes, count, (5.8, 1.1 + 2.1 * count), sharex=True) as canvas:
        for k, ax in enumerate(canvas):
            for view in views:
                if k < view.run.sizes["param"]:
                    _draw(ax, view, k)
            finish(ax, f"θ{'₀₁₂'[k]}" if count > 1 else "θ", clock(views))
            if axes is None:
                ax.label_outer()
        legend(canvas[0], axes)
        return canvas


def _where(run: xr.Dataset) -> str | None:
    """Which of its reductions says where trajectories lie."""
    infinite = rows(run.attrs, "infinite_moments")
    if "quantile" in run:
        return "quantile"
    if "moment" in run and 1 not in infinite:
        return "moment"
    return "minimum" if "minimum" in run else None


def _draw(ax: Any, view: ArmView, k: int) -> None:
    run, name = view.run, _where(view.run)
    assert name is not None
    held = run[name].isel(param=k)
    time = np.asarray(run["every_time" if "every_step" in held.dims else "time"].values)
    style = {"color": view.colour, "linestyle": view.line}
    if name == "quantile":
        q = run["q"].values
        middle = int(np.argmin(np.abs(q - 0.5)))
        course(ax, time, held.values[middle], label=f"{view.name} (q = {q[middle]:g})", **style)
        if len(q) > 1:
            band(ax, time, held.values[0], held.values[-1], view.colour)
    elif name == "moment":
        mean = held.sel(order=1).values
        orders = [k for k in run["order"].values if k not in rows(run.attrs, "infinite_moments")]
        label = f"{view.name} (mean)"
        if 2 in orders:
            label = f"{view.name} (mean ± standard deviation)"
            spread = np.sqrt(run["central_moment"].isel(param=k).sel(order=2).values)
            band(ax, time, mean - spread, mean + spread, view.colour)
        course(ax, time, mean, label=label, **style)
    else:
        low, high = held.values, run["maximum"].isel(param=k).values
        band(ax, time, low, high, view.colour)
        course(ax, time, low, label=f"{view.name} (smallest and largest)", **style)
        course(ax, time, high, **style)
