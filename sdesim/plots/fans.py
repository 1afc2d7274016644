"""Forecasts as fans: bands over time beside what then happened."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sdesim.comparison.bands import LEVELS, bands
from sdesim.errors import RunError
from sdesim.plots.arms import ArmView, Data, views_of
from sdesim.plots.style import NothingToDraw, axis_label, clock, course, finish, legend, panels, scale
from sdesim.runs.quantities import lookup

# What a fan shows where nobody says, as far as the forecast holds it.
_SHOWN = ("loss", "test_loss", "test_accuracy", "lambda_max")
# Of the past, as long a stretch as is foretold.
_BEFORE = 1.0
_FIRST_SHADE = 0.3


def fan(
    data: Data, names: Sequence[str] | str | None = None, levels: Sequence[float] = LEVELS, *,
    measured: Any = None, axes: Any = None,
) -> Any:  # fmt: skip
    """Forecasts over time: the median and the bands that hold 50% and 90% of the draws; beside them the
    trainings that are given with them, from as long before the start as is foretold: the seed that each was
    made of.

    Args:
        data: runs of `sdesim.training.forecast`, and trainings.
        names: of quantities, a panel each; default loss, held-out loss and accuracy and λ_max, as far as they
            are held.
        levels: of the bands.
        measured: what `measure` gave of them, in the same form.
        axes: to draw into, one for each panel.

    Raises:
        NothingToDraw: no run is a forecast, or none holds what is named.

    Example:
        >>> sdesim.plots.fan({"forecast": coming, "training": run}, "loss")
    """
    views = views_of(data, measured)
    told = [view for view in views if "forecast_from" in view.run.attrs]
    if not told:
        raise NothingToDraw("no run is a forecast")
    wanted = [names] if isinstance(names, str) else list(names or _SHOWN)
    shown = [name for name in wanted if any(view.seeds(name) is not None for view in told)]
    if not shown:
        raise NothingToDraw(f"no forecast holds {' or '.join(wanted)}")
    real = [view for view in views if view.kind == "real"]
    with panels(axes, len(shown), (5.8, 1.1 + 2.1 * len(shown)), sharex=True) as canvas:
        for ax, name in zip(canvas, shown, strict=True):
            _panel(ax, told, real, name, levels)
            row = lookup(name)
            finish(ax, name if row is None else axis_label(row, name), clock(views))
            if axes is None:
                ax.label_outer()
        legend(canvas[0], axes)
        return canvas


def _panel(
    ax: Any, told: Sequence[ArmView], real: Sequence[ArmView], name: str, levels: Sequence[float]
) -> None:
    drawn = []
    for view in told:
        if view.seeds(name) is None:
            continue
        found = bands(view.run, name, levels, measured=view.measured)
        for k in reversed(range(len(found.levels))):
            ax.fill_between(
                found.time, found.low[k], found.high[k], color=view.colour, linewidth=0,
                alpha=_FIRST_SHADE / (1 + k), label=f"{view.name}: {found.levels[k]:.0%} of the draws",
            )  # fmt: skip
        course(
            ax, found.time, found.median, color=view.colour, linestyle=view.line, label=f"{view.name}: median"
        )
        drawn += [found.low[-1], found.high[-1]]
    start, end = _span(told)
    for view in real:
        seeds = view.seeds(name)
        if seeds is None:
            continue
        for k, seed in enumerate(sorted(_seeds_of(told, len(seeds.values)))):
            time, values = seeds.time[seed], seeds.values[seed]
            inside = (time >= start - _BEFORE * (end - start)) & (time <= end)
            course(
                ax, time[inside], values[inside], color=view.colour, linestyle=view.line,
                label=None if k else f"{view.name}: what happened",
            )  # fmt: skip
            drawn.append(values[inside])
    scale(ax, drawn)
    ax.axvline(start, color="#777777", linewidth=1.0, linestyle=(0, (2, 2)), zorder=1)


def _span(told: Sequence[ArmView]) -> tuple[float, float]:
    times = [np.asarray(view.run["time"].values) for view in told]
    return min(float(t[..., 0].min()) for t in times), max(float(t[..., -1].max()) for t in times)


def _seeds_of(told: Sequence[ArmView], count: int) -> set[int]:
    """The seeds that forecasts were made of, as far as a training of so many has them."""
    made = {int(view.run.attrs.get("forecast_of", 0)) for view in told}
    if not made <= set(range(count)):
        raise RunError(f"a forecast is of seed {max(made)}, the training has {count}")
    return made
