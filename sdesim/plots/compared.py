"""One quantity of several runs, each named where its curve ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sdesim.comparison.compare import Comparison
from sdesim.plots.arms import ArmView, Data, views_of
from sdesim.plots.curves_in_time import panel, row_of
from sdesim.plots.look import REAL, SIMULATED
from sdesim.plots.style import NothingToDraw, axis_label, band, course, finish, guide, one_panel, scale
from sdesim.runs.quantities import lookup

# Names closer than this share of the axis would be written over one another.
_APART, _ROUNDS = 0.085, 60


def compare(data: Data | Comparison, name: str, *, measured: Any = None, ax: Any = None) -> Any:
    """A quantity of real and simulated runs: a line for each seed, orange beside blue, named at its end.

    Of more than six seeds it is the mean with its 95% band. Of a Comparison, which keeps means only, it is
    those with their intervals, over the time that both arms share.

    Args:
        data: Runs by name or in a row, or what `sdesim.compare` gave.
        name: a quantity with a curve, as of `curve`.
        measured: what `measure` gave of the runs, in the same form.
        ax: axes to draw into.

    Returns:
        The Axes.

    Raises:
        RunError: no such quantity, or one that is not held.

    Example:
        >>> sdesim.plots.compare({"SGD": real, "isotropic SDE": simulated}, "lambda_max")
    """
    with one_panel(ax) as canvas:
        if isinstance(data, Comparison):
            ends = _means(canvas, data, name)
        else:
            views = views_of(data, measured)
            panel(canvas, views, row_of(name, views), name, label=False)
            ends = _ends(views, name)
        _name_ends(canvas, ends)
        return canvas


def _means(ax: Any, comparison: Comparison, name: str) -> list[tuple[str, str, float, float]]:
    found = comparison.quantities.get(name)
    if found is None:
        raise NothingToDraw(
            f"found quantity {name!r}, allowed: {', '.join(comparison.quantities) or 'none was compared'}"
        )
    arms = (
        (comparison.real, found.real, REAL[0][0]),
        (comparison.simulated, found.simulated, SIMULATED[0][0]),
    )
    ends = []
    for label, c, colour in arms:
        course(ax, found.times, c.mean, color=colour)
        band(ax, found.times, c.low, c.high, colour)
        ends.append((f"{label} ({c.n})", colour, float(found.times[-1]), float(c.mean[-1])))
    row = lookup(name)
    assert row is not None
    if row.scaled:
        scale(ax, [c.mean for _, c, _ in arms])
    guide(ax, row.threshold)
    finish(ax, axis_label(row))
    return ends


def _ends(views: Sequence[ArmView], name: str) -> list[tuple[str, str, float, float]]:
    """Name, colour and last point of each arm, the mean over its seeds."""
    ends = []
    for view in views:
        found = view.curve(name)
        if found is not None:
            label = f"{view.name} ({found[1].n})"
            ends.append((label, view.colour, float(found[0][-1]), float(found[1].mean[-1])))
    return ends


def _name_ends(ax: Any, ends: Sequence[tuple[str, str, float, float]]) -> None:
    """Writes the names to the right of the axes, moved apart where the ends are close, and those of
    thresholds at their lines."""
    for line in ax.lines:
        if line.get_transform() != ax.transData:
            place, name = (0.005, float(line.get_ydata()[0])), line.get_label()
            where = ("axes fraction", "data")
            ax.annotate(name, place, xycoords=where, va="bottom", fontsize=8, color="#777777")
    # Their limits are made on demand.
    ax.get_ylim()
    inverse = ax.transAxes.inverted()
    heights = [float(inverse.transform(ax.transData.transform((x, y)))[1]) for _, _, x, y in ends]
    order = np.argsort(heights)
    placed = np.clip(np.array(heights)[order], 0.0, 1.0)
    for _ in range(_ROUNDS):
        for k in range(1, len(placed)):
            lack = _APART - (placed[k] - placed[k - 1])
            if lack > 0:
                placed[k - 1 : k + 1] += (-lack / 2, lack / 2)
    for place, k in zip(placed, order, strict=True):
        label, colour, _, _ = ends[k]
        ax.annotate(label, (1.01, place), xycoords="axes fraction", color=colour, va="center", fontsize=9)
