"""Phase diagrams: a quantity of each arm over two axes of a sweep, with the lines C = 1 and C = C*."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sdesim.comparison.sweep_table import Array, Grid, SweepAxis, SweepTable
from sdesim.io.text import for_figure
from sdesim.plots.style import PHASE_COLOURS, NothingToDraw, legend, log_ticks, panels, power
from sdesim.runs.quantities import lookup, meanings
from sdesim.runs.quantity_row import PHASES

# Below this C is not told from nothing; it keeps the logarithm of values that are debiased below zero.
_LEAST_C = 1e-3
# On the colours of a map, which stay where a page is dark; white and black themselves would change with it.
_LIGHT, _DARK = "#FEFEFE", "#101010"
_LINES: dict[str, tuple[str, Any]] = {"C = 1": (_LIGHT, "-"), "C = C*": ("#FFB000", "-")}
_MOST_COLUMNS = 3
_MOST_WRITTEN = 64
_MISSING = "#D9D9D9"
_THIN: dict[str, Any] = {"fill": False, "hatch": "///", "edgecolor": "#888888", "linewidth": 0}
# What else a map may show: a cell's value rests on too little, there is none, or its interval reaches across.
THIN, MISSING, OPEN = "rests on too little", "not run, or not known", "interval across the line"
# Inches of a cell, and the least and most of a panel.
_CELL, _LEAST_PANEL, _MOST_PANEL = 0.5, 2.3, 4.0
_CENTRED: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 8}


def quantity_map(
    table: SweepTable, index: Any, quantity: str, at: str, label: str = "", *, axes: Any = None
) -> Any:
    """A map for each arm that has the quantity.

    One colour scale, unless the arms lie a thousandfold apart; logarithmic for positive values over a factor
    of 12. Hatched: too few trajectories, or an interval that is missing or open. Grey: not run. Of C the
    lines C = 1 and C = C*, and a ring where its interval reaches across one.

    Args:
        table: of a sweep. index: the place on its axes, with a slice for the two that are drawn.
        quantity, at: of its rows. label: default that of the table of quantities at this moment.
        axes: to draw into, one for each arm.

    Returns:
        The Axes, one for each arm.

    Raises:
        NothingToDraw: no arm has it, or it is the same everywhere.
    """
    grids = {arm: table.grids[arm, quantity, at][index] for arm in table.holding(quantity, at)}
    grids = {arm: grid for arm, grid in grids.items() if np.isfinite(grid.value).any()}
    values = {arm: grid.value[np.isfinite(grid.value)] for arm, grid in grids.items()}
    if not grids or np.ptp(np.concatenate(list(values.values()))) == 0:
        raise NothingToDraw(f"{quantity} at {at} is the same everywhere, or no arm holds it")
    x, y = _two_axes(table, index)
    sizes = [float(np.median(np.abs(v))) for v in values.values()]
    apart = max(sizes) > 1000 * min(sizes)
    row, label = lookup(quantity), label or table.called(quantity, at)
    debiased = row is not None and row.debiased
    common = _norm(np.concatenate(list(values.values())), debiased)
    with _maps(axes, len(grids), x, y) as canvas:
        for ax, (arm, grid) in zip(canvas, grids.items(), strict=True):
            ax.set_title(f"{arm} ({table.arms[arm]})")
            mesh = _mesh(ax, x, y, grid.value.T, _norm(values[arm], debiased) if apart else common)
            _hatch(ax, x, y, grid)
            _write(ax, x, y, grid.value.T, mesh)
            if quantity == "C_alpha":
                _c_lines(ax, x, y, table, arm, at, index)
            _ticks(ax, x, y, axes)
            if apart:
                _scale_beside([ax], mesh, label)
        if not apart:
            _scale_beside(list(canvas), mesh, label)
        _legend(canvas, axes)
        return canvas


def shown(figure: Any) -> set[str]:
    """What a map shows besides its colours: names of its lines, `THIN`, `MISSING`, `OPEN`."""
    return set().union(*(getattr(ax, "map_shows", set()) for ax in figure.axes))


def _shows(ax: Any, name: str) -> None:
    ax.map_shows = {*getattr(ax, "map_shows", set()), name}


def _scale_beside(axes: list[Any], mesh: Any, label: str) -> None:
    """The colours beside the maps, with plain numbers."""
    bar = axes[0].figure.colorbar(mesh, ax=axes, label=label, pad=0.02)
    if bar.ax.get_yscale() == "log":
        log_ticks(bar.ax.yaxis, *bar.ax.get_ylim())


def phase_map(table: SweepTable, index: Any, *, axes: Any = None) -> Any:
    """The commonest phase of each point (C against C*), and its share of all probes; as `quantity_map`."""
    names = [f"phase_fraction.{phase}" for phase in PHASES]
    arms = [a for a in table.arms if all((a, q, "whole run") in table.grids for q in names)]
    shares = {a: np.stack([table.grids[a, q, "whole run"][index].value for q in names]) for a in arms}
    shares = {a: s for a, s in shares.items() if np.isfinite(s).any()}
    if not shares:
        raise NothingToDraw("no arm holds a phase")
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.patches import Patch

    x, y = _two_axes(table, index)
    colours = [PHASE_COLOURS[p] for p in PHASES]
    order = sorted(shares, key=lambda a: table.arms[a] != "real")
    with _maps(axes, len(order), x, y) as canvas:
        norm = BoundaryNorm([0, 1, 2, 3], 3)
        colour_map = ListedColormap(colours).with_extremes(bad=_MISSING)
        for ax, arm in zip(canvas, order, strict=True):
            known = np.asarray(np.isfinite(shares[arm]).all(axis=0))
            top = np.where(known, shares[arm].argmax(axis=0) + 0.5, np.nan)
            share = np.where(known, 100 * shares[arm].max(axis=0), np.nan)
            ax.set_title(f"{arm} ({table.arms[arm]})")
            ax.pcolormesh(_edges(x), _edges(y), np.ma.masked_invalid(top.T), norm=norm, cmap=colour_map)
            if not known.all():
                _shows(ax, MISSING)
            for i, j in np.ndindex(share.shape):
                if known[i, j] and share.size <= _MOST_WRITTEN:
                    ax.text(
                        x.positions()[i], y.positions()[j], f"{share[i, j]:.0f}%", color=_DARK, **_CENTRED
                    )
            _ticks(ax, x, y, axes)
        said, shown = meanings("phase"), {int(k) for s in shares.values() for k in _commonest(s)}
        handles = [Patch(color=colours[k], label=said[PHASES[k]]) for k in sorted(shown)]
        legend(canvas[0], axes, handles=handles, ncols=3)
        return canvas


def _commonest(shares: Array) -> Array:
    """The number of the commonest phase wherever it is known."""
    known = np.isfinite(shares).all(axis=0)
    return np.asarray(shares.argmax(axis=0)[known])


def _two_axes(table: SweepTable, index: Any) -> tuple[SweepAxis, SweepAxis]:
    """The axes that the index leaves: the first is drawn to the right, the second upwards."""
    first, second = (a for a, i in zip(table.axes, index, strict=True) if isinstance(i, slice))
    return first, second


def _maps(axes: Any, count: int, x: SweepAxis, y: SweepAxis) -> Any:
    columns = min(count, _MOST_COLUMNS)
    across, up = (
        min(max(_LEAST_PANEL, cell * len(axis.values)), _MOST_PANEL)
        for axis, cell in ((x, _CELL), (y, 0.8 * _CELL))
    )
    size = (1.7 + across * columns, 1.1 + up * -(-count // columns))
    return panels(axes, count, size, columns=columns, sharex=True, sharey=True)


def _edges(axis: SweepAxis) -> Array:
    """Borders of the cells (k + 1,), half-way between positions; needs them in rising order."""
    p = axis.positions()
    if p.size == 1:
        return np.array([p[0] - 0.5, p[0] + 0.5])
    middle = (p[:-1] + p[1:]) / 2
    return np.concatenate([[2 * p[0] - middle[0]], middle, [2 * p[-1] - middle[-1]]])


def _norm(values: Array, debiased: bool) -> Any:
    from matplotlib.colors import LogNorm, Normalize

    low, high = float(values.min()), float(values.max())
    positive = values[values > 0]
    # Some values debiased below zero don't take the logarithm from the others; they get its lowest colour.
    enough = positive.size >= (0.8 if debiased else 1.0) * values.size
    if enough and positive.size and high > 12 * float(positive.min()):
        floor = float(np.median(positive)) / 1000
        return LogNorm(max(float(positive.min()), floor), high, clip=True)
    return Normalize(low, high if high > low else low + 1.0)


def _mesh(ax: Any, x: SweepAxis, y: SweepAxis, values: Array, norm: Any) -> Any:
    from matplotlib.colors import LogNorm

    if isinstance(norm, LogNorm):
        values = np.where(np.isfinite(values), np.maximum(values, float(norm.vmin or 0.0)), np.nan)
    from matplotlib import colormaps

    ax.grid(False)
    look = {"norm": norm, "cmap": colormaps["viridis"].with_extremes(bad=_MISSING)}
    return ax.pcolormesh(_edges(x), _edges(y), np.ma.masked_invalid(values), **look)


def _hatch(ax: Any, x: SweepAxis, y: SweepAxis, grid: Grid) -> None:
    from matplotlib.patches import Rectangle

    across, up = _edges(x), _edges(y)
    for i, j in np.argwhere(grid.thin):
        corner, width, height = (across[i], up[j]), across[i + 1] - across[i], up[j + 1] - up[j]
        ax.add_patch(Rectangle(corner, width, height, **_THIN))
        _shows(ax, THIN)
    if not np.isfinite(grid.value).all():
        _shows(ax, MISSING)


def _write(ax: Any, x: SweepAxis, y: SweepAxis, values: Array, mesh: Any) -> None:
    """The numbers in the cells, white on dark and black on light."""
    from matplotlib.patheffects import withStroke

    if values.size > _MOST_WRITTEN:
        return
    for j, i in np.argwhere(np.isfinite(values)):
        red, green, blue, _ = mesh.to_rgba(max(values[j, i], mesh.norm.vmin))
        bright = 0.299 * red + 0.587 * green + 0.114 * blue > 0.55
        text = ax.text(x.positions()[i], y.positions()[j], _short(values[j, i]), **_CENTRED)
        text.set(color=_DARK if bright else _LIGHT, zorder=4)
        # Readable where a line passes under it.
        ground = (red, green, blue, 0.8)
        text.set_path_effects([withStroke(linewidth=2.2, foreground=ground)])


def _short(value: float) -> str:
    """Two digits, written out where that is short, else with a power of ten."""
    text = f"{value:.2g}"
    if value and not 1e-3 <= abs(value) < 1e5:
        return power(float(text))
    return f"{float(text):,.0f}" if 100 <= abs(value) < 1e5 else text.replace("-", "−")


def _c_lines(ax: Any, x: SweepAxis, y: SweepAxis, table: SweepTable, arm: str, at: str, index: Any) -> None:
    """C = 1 and C = C*, by linear interpolation of log C, and a ring in the line's colour wherever the
    interval of C reaches across, so that the side of the line is open."""
    c = table.grids[arm, "C_alpha", at][index]
    star = table.grids.get((arm, "C_star", at))
    _c_line(ax, x, y, c, np.ones_like(c.value), "C = 1", -1.0)
    if star is not None:
        _c_line(ax, x, y, c, star[index].value, "C = C*", 1.0)


def _c_line(ax: Any, x: SweepAxis, y: SweepAxis, c: Grid, threshold: Array, name: str, side: float) -> None:
    if not (x.numeric and y.numeric) or min(c.value.shape) < 2:
        return
    with np.errstate(invalid="ignore", divide="ignore"):
        level = np.log(np.maximum(c.value, _LEAST_C)) - np.log(threshold)
    known = np.isfinite(level)
    if known.sum() < 4 or not (level[known].min() < 0 < level[known].max()):
        return
    from matplotlib.patheffects import withStroke

    colour, line = _LINES[name]
    drawn = ax.contour(
        x.positions(), y.positions(), np.ma.masked_invalid(level.T), levels=[0.0], colors=[colour],
        linestyles=[line], linewidths=[2.2],
    )  # fmt: skip
    # Neither line may vanish on the bright end of the colours.
    stroke = [withStroke(linewidth=3.8, foreground=_DARK)]
    drawn.set_path_effects(stroke)
    _shows(ax, name)
    across, up = _edges(x), _edges(y)
    place = 0.5 + side * 0.36
    for i, j in np.argwhere((c.low <= threshold) & (threshold <= c.high)):
        at = across[i] + place * (across[i + 1] - across[i]), up[j] + 0.82 * (up[j + 1] - up[j])
        ax.plot(*at, "o", markersize=5, color="none", markeredgecolor=colour, markeredgewidth=1.4,
                path_effects=[withStroke(linewidth=2.6, foreground=_DARK)], zorder=5)  # fmt: skip
        _shows(ax, OPEN)


def _ticks(ax: Any, x: SweepAxis, y: SweepAxis, given: Any) -> None:
    ax.set_xticks(x.positions(), [for_figure(v) for v in x.values])
    ax.set_yticks(y.positions(), [for_figure(v) for v in y.values])
    ax.minorticks_off()
    ax.grid(False)
    ax.set_xlabel(x.plain)
    ax.set_ylabel(y.plain)
    if given is None:
        ax.label_outer()


def _legend(axes: Sequence[Any], given: Any) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    drawn = set().union(*(getattr(ax, "map_shows", set()) for ax in axes))
    handles: list[Any] = [
        Line2D([], [], color=colour, linestyle=line, linewidth=2.2, label=name)
        for name, (colour, line) in _LINES.items()
        if name in drawn
    ]
    if OPEN in drawn:
        ring: dict[str, Any] = {"marker": "o", "linestyle": "none", "markerfacecolor": "none"}
        handles.append(
            Line2D([], [], markeredgecolor=_LIGHT, markeredgewidth=1.4, markersize=5, label=OPEN, **ring)
        )
    if THIN in drawn:
        handles.append(Patch(label=THIN, **_THIN))
    style = {"ncols": len(handles), "facecolor": "#8A8A8A", "frameon": True, "edgecolor": "none"}
    legend(axes[0], given, handles=handles, **style)
