"""One look for all figures: sizes, fonts, bands, axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from sdesim.errors import RunError
from sdesim.plots.arms import ArmView
from sdesim.plots.inline_svg import svg as svg
from sdesim.plots.look import GUIDE as GUIDE

STYLE: dict[str, Any] = {
    "figure.figsize": (5.8, 3.5),
    "figure.dpi": 100,
    "savefig.dpi": 180,
    "figure.constrained_layout.use": True,
    "figure.facecolor": "white",
    "axes.facecolor": "none",
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.7,
    "lines.linewidth": 1.7,
    "legend.frameon": False,
    "legend.fontsize": 9,
}
PHASE_COLOURS = {"exploration": "#B9B9B9", "transition": "#F0E442", "generalization": "#009E73"}
TIME = "time t (Σ learning rate)"
# Durations of two arms that don't fit on one linear axis.
_FAR = 30.0


class NothingToDraw(RunError):
    """The data hold nothing of what a figure shows."""


@contextmanager
def styled() -> Iterator[Any]:
    """Gives matplotlib's Figure class under the style; no display and no global state are touched."""
    import matplotlib
    from matplotlib.figure import Figure

    settings: Any = STYLE
    with matplotlib.rc_context(settings):
        yield Figure


@contextmanager
def one_panel(ax: Any | None, figsize: tuple[float, float] | None = None) -> Iterator[Any]:
    """The axes given, or those of a new figure in our style."""
    if ax is not None:
        yield ax
        return
    with styled() as Figure:
        yield Figure(figsize=figsize).subplots()


@contextmanager
def panels(
    axes: Any | None, count: int, figsize: tuple[float, float], columns: int = 1, **shared: Any
) -> Iterator[Any]:
    """Axes (count,) out of those given, or of a new figure in our style with so many columns.

    Raises:
        RunError: another number of axes was given.
    """
    if axes is not None:
        given = np.ravel(np.asarray(axes, dtype=object))
        if len(given) != count:
            raise RunError(f"axes: found {len(given)}, allowed: {count}, one for each panel")
        yield given
        return
    columns = min(columns, count)
    with styled() as Figure:
        made = np.ravel(
            Figure(figsize=figsize).subplots(-(-count // columns), columns, squeeze=False, **shared)
        )
        for ax in made[count:]:
            ax.set_visible(False)
        yield made[:count]


def draw(ax: Any, views: Sequence[ArmView], quantity: str, label: bool = True, **line: Any) -> list[Any]:
    """Mean curve and band of a quantity for every arm that has it; returns the values drawn."""
    drawn = []
    for view in views:
        found = view.curve(quantity)
        if found is None:
            continue
        times, c = found
        style = {"color": view.colour, "linestyle": view.line, **line}
        marker = "o" if times.size <= 25 else ""
        name = f"{view.name} ({view.kind}, {c.n})" if label else None
        ax.plot(times, c.mean, label=name, marker=marker, markersize=3, **style)
        if np.isfinite(c.low).any():
            ax.fill_between(times, c.low, c.high, color=style["color"], alpha=0.16, linewidth=0)
        drawn.append(c.mean)
    return drawn


def scale(ax: Any, drawn: Sequence[Any]) -> None:
    """Log axis for positive values over a decade or more, symlog where signs mix, else linear."""
    values = np.concatenate([np.ravel(d) for d in drawn]) if drawn else np.empty(0)
    values = values[np.isfinite(values) & (values != 0)]
    if values.size < 2:
        return
    size = np.abs(values)
    if size.max() < 12 * np.quantile(size, 0.05):
        return
    if (values > 0).all():
        ax.set_yscale("log")
        # Band edges may be negative or tiny; the axis follows the means.
        floor = values.min() / 2
        ax.set_ylim(floor, values.max() * 2)
        log_ticks(ax.yaxis, floor, values.max() * 2)
        for band in ax.collections:
            for path in band.get_paths():
                path.vertices[:, 1] = np.maximum(path.vertices[:, 1], floor)
    else:
        threshold = 10 ** np.floor(np.log10(np.quantile(size, 0.2)))
        ax.set_yscale("symlog", linthresh=max(threshold, size.max() * 1e-6))


def log_ticks(axis: Any, low: float, high: float) -> None:
    """Labels 1, 2 and 5 of each decade on a short log axis, plainly written; powers of ten on a long one."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_minor_formatter(NullFormatter())
    if high < 300 * low:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))


def finish(ax: Any, ylabel: str, xlabel: str = TIME) -> None:
    """Labels; the legend goes above the axes so that it covers no curve."""
    ax.set_xlabel(xlabel + (", log axis" if xlabel.startswith("time") and _stretched(ax) else ""))
    ax.set_ylabel(ylabel)


def _stretched(ax: Any) -> bool:
    """Puts time on a log axis from the first point after 0 where one arm lasts far longer than another, whose
    curve would else be a vertical line; whether it did."""
    curves = [np.asarray(x.get_xdata()) for x in ax.lines if x.get_transform() == ax.transData]
    ends = [float(x[-1]) for x in curves if x.size > 1 and x[-1] > 0]
    if not ends or max(ends) < _FAR * min(ends):
        return False
    first = min(float(x[x > 0].min()) for x in curves if (x > 0).any())
    ax.set_xscale("symlog", linthresh=10 ** np.floor(np.log10(first)))
    ax.set_xlim(0, 1.5 * max(ends))
    return True


def legend(ax: Any, given: Any | None, **where: Any) -> None:
    """One legend for a figure of our own, under it, two columns at most; a plain one in axes that were given.

    Args:
        ax: whose names are told. given: the axes that the caller was given, None if the figure is ours.
        where: handles, if not those of the axes, and further settings of the legend of a figure of ours.
    """
    handles, labels = where.pop("handles", None), None
    if handles is None:
        handles, labels = ax.get_legend_handles_labels()
    if not handles:
        return
    texts = {} if labels is None else {"labels": labels}
    if given is not None:
        ax.legend(handles=handles, **texts)
        return
    place = {"loc": "outside lower center", "ncols": 1 if len(handles) < 2 else 2, **where}
    ax.figure.legend(handles=handles, **texts, **place)
