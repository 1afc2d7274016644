"""Curves along one axis of a sweep, with bands, and the laws fitted along it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from sdesim.comparison.sweep_fits import EXIT as EXIT
from sdesim.comparison.sweep_fits import SweepFit, SweepFits, exit_power_laws
from sdesim.comparison.sweep_table import Grid, SweepAxis, SweepTable, slices
from sdesim.io.text import for_figure
from sdesim.plots.look import REAL, SERIES, SIMULATED
from sdesim.plots.style import GUIDE, NothingToDraw, log_ticks, panels
from sdesim.runs.quantities import lookup

_MOST_LINES = 8
_MARKS = "osD^vP*X"
_POINTS = 60


def curves(
    table: SweepTable, k: int, quantity: str, at: str, label: str = "", *, fits: SweepFits | None = None,
    axes: Any = None,
) -> Any:  # fmt: skip
    """A quantity along axis k: one line for each arm, or a panel for each arm with one line for each place on
    the other axes. Hollow marks rest on too little. Laws that were fitted along the axis are drawn.

    Args:
        table: of a sweep. k: which of its axes. quantity, at: of its rows. label: default that of the
            table of quantities at this moment.
        fits: of `sdesim.fit_sweep`; default the power laws of exit times along a geometric axis.
        axes: to draw into, one for each panel.

    Returns:
        The Axes, one for each panel.

    Raises:
        NothingToDraw: no arm holds the quantity, or the other axes have more than eight places.
    """
    axis, arms = table.axes[k], table.holding(quantity, at)
    ways = list(slices(table.axes, [k]))
    if not arms or len(ways) > _MOST_LINES:
        raise NothingToDraw(
            f"no arm holds {quantity} along {axis.label}, or there are more than {_MOST_LINES} lines"
        )
    made = exit_power_laws(table) if fits is None else fits
    laws = [f for f in made if (f.axis, f.quantity, f.at) == (axis.label, quantity, at)]
    fitted = bool(laws)
    several = len(ways) > 1
    count = len(arms) if several else 1
    size = (1.4 + 4.4 * count, 3.6 + 0.22 * min(len(ways), 4))
    with panels(axes, count, size, columns=count, sharey=True) as canvas:
        from matplotlib import colormaps

        colours = _arm_colours(table)
        for p, arm in enumerate(arms):
            ax = canvas[p if several else 0]
            for line, (index, words) in enumerate(ways):
                # Neither end of the map stands out of every page.
                shade: Any = colormaps["viridis"](0.35 + 0.27 * line / max(len(ways) - 1, 1))
                shade = SERIES[line] if len(ways) <= len(SERIES) else shade
                colour, style = (shade, "-") if several else colours[arm]
                grid = table.grids[arm, quantity, at][index]
                name = words if several else f"{arm} ({table.arms[arm]})"
                own = [f for f in laws if (f.arm, f.held) == (arm, words)]
                _curve(ax, axis, grid, name, colour, style, _MARKS[line % len(_MARKS)], own)
            ax.set_title(f"{arm} ({table.arms[arm]})" if several else "")
        for ax in canvas:
            _dress(ax, axis, quantity, label or table.called(quantity, at), fitted)
            if axes is None:
                ax.label_outer()
            ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=1 if fitted else 2)
        return canvas


def _arm_colours(table: SweepTable) -> dict[str, tuple[str, str]]:
    """Colour and dash of each arm, as in the report of a run: real ones orange, simulated ones blue."""
    found: dict[str, tuple[str, str]] = {}
    for kind, palette in (("real", REAL), ("simulated", SIMULATED)):
        names = [a for a, k in table.arms.items() if k == kind]
        found |= {a: palette[i % len(palette)] for i, a in enumerate(names)}
    return found


def _curve(
    ax: Any, axis: SweepAxis, grid: Grid, name: str, colour: Any, style: str, mark: str,
    laws: Sequence[SweepFit],
) -> None:  # fmt: skip
    x = np.array(axis.values if axis.numeric else axis.positions(), dtype=np.float64)
    known = np.isfinite(grid.value)
    firm, weak = known & ~grid.thin, grid.thin
    for k, law in enumerate(laws):
        style, slope = "", law.fit.slope
        # A slope whose sign is open is no line to look at, and no law to name.
        if slope.low * slope.high > 0:
            number = f"{slope.value:.2f} [{slope.low:.2f}, {slope.high:.2f}]"
            name += f": ∝ {_formula(law, number)}".replace("-", "−")
            first, last = float(x[firm].min()), float(x[firm].max())
            space = np.geomspace if axis.geometric else np.linspace
            spaced = space(first, last, _POINTS)
            dash = "-" if k == 0 else (0, (4, 2))
            ax.plot(spaced, law.fit(spaced), color=colour, linewidth=1.2, linestyle=dash)
    fitted = bool(laws)
    line = style if axis.numeric and style else "none"
    ax.plot(x[known], grid.value[known], linestyle=line, color=colour, label=None)
    ax.plot(x[firm], grid.value[firm], mark, color=colour, markersize=4.5, label=name)
    ax.plot(x[weak], grid.value[weak], mark, color=colour, markersize=5.5, markerfacecolor="white")
    band = known & np.isfinite(grid.low) & np.isfinite(grid.high)
    if axis.numeric and not fitted:
        ax.fill_between(x[band], grid.low[band], grid.high[band], color=colour, alpha=0.16, linewidth=0)
    else:
        down, up = grid.value[band] - grid.low[band], grid.high[band] - grid.value[band]
        ax.errorbar(x[band], grid.value[band], [down, up], fmt="none", ecolor=colour, elinewidth=1, capsize=2)


def _formula(law: SweepFit, number: str) -> str:
    """The law's formula with its number in the place of k."""
    text = law.fit.law.formula(law.axis)
    return re.sub(r"\bk\b", f"({number})", text)


def _dress(ax: Any, axis: SweepAxis, quantity: str, label: str, fitted: bool) -> None:
    if axis.geometric:
        ax.set_xscale("log")
    ticks = axis.values if axis.numeric else axis.positions()
    ax.set_xticks(ticks, [for_figure(v) for v in axis.values])
    ax.minorticks_off()
    drawn = np.concatenate([np.asarray(line.get_ydata(), dtype=np.float64) for line in ax.lines])
    drawn = drawn[np.isfinite(drawn)]
    if drawn.size and drawn.min() > 0 and (fitted or drawn.max() > 12 * drawn.min()):
        ax.set_yscale("log")
        log_ticks(ax.yaxis, float(drawn.min()), float(drawn.max()))
    row = lookup(quantity)
    if row is not None and row.threshold is not None and (row.threshold > 0 or ax.get_yscale() == "linear"):
        ax.axhline(row.threshold, **GUIDE)
    ax.set_xlabel(axis.plain)
    ax.set_ylabel(label)
