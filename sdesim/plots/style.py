"""One look for all figures: sizes, fonts, bands, axes."""

from __future__ import annotations

import logging
import math
import os
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from sdesim.compiled.generated import cache_folder
from sdesim.errors import RunError
from sdesim.plots.arms import ArmView
from sdesim.plots.inline_svg import svg as svg
from sdesim.plots.look import GUIDE as GUIDE
from sdesim.plots.look import PHASE_COLOURS as PHASE_COLOURS
from sdesim.plots.texts import draw_as_written
from sdesim.runs.quantity_row import Quantity

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
TIME = "time t (Σ learning rate)"
# Durations of two arms that don't fit on one linear axis.
_FAR = 30.0
# So many trajectories are told apart as lines; a band of fewer would hide that they are few.
FEW = 6
# So many points get a mark each, which shows where something was saved.
_MARKED = 12
# How far beyond the axis a threshold is still worth the room: so many times, or so much of its length.
_NEAR, _ROOM = 8.0, 0.3
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_POWERS = str.maketrans("234", "²³⁴")
# Letters of a label beside a panel of two inches.
_WRAPPED = 28
# Letters of a legend to an inch, beside its marks.
_LETTERS = 13
# Room above and below on a logarithmic axis.
_MARGIN = 1.4


class NothingToDraw(RunError):
    """The data hold nothing of what a figure shows."""


@contextmanager
def styled() -> Iterator[Any]:
    """Gives matplotlib's Figure class under the style; no display and no global state are touched."""
    # Where its folder in the user's home can't be made, it makes another and tells of it at length.
    log = logging.getLogger("matplotlib")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        _find_place()
        import matplotlib
        from matplotlib.figure import Figure
    finally:
        log.setLevel(level)

    settings: Any = STYLE
    with matplotlib.rc_context(settings):
        yield Figure


def _find_place() -> None:
    """Let it keep its lists of fonts in our cache where there are no temporary files, without which and
    without a folder in the user's home it would not be imported.

    Raises:
        RunError: that can't be written either.
    """
    try:
        tempfile.gettempdir()
    except OSError:
        os.environ.setdefault("MPLCONFIGDIR", str(cache_folder() / "matplotlib"))


@contextmanager
def one_panel(ax: Any | None, figsize: tuple[float, float] | None = None) -> Iterator[Any]:
    """The axes given, or those of a new figure in our style."""
    if ax is not None:
        yield ax
        draw_as_written(ax.figure)
        return
    with styled() as Figure:
        made = Figure(figsize=figsize).subplots()
        yield made
        draw_as_written(made.figure)


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
        for figure in {ax.figure for ax in given}:
            draw_as_written(figure)
        return
    columns = min(columns, count)
    with styled() as Figure:
        made = np.ravel(
            Figure(figsize=figsize).subplots(-(-count // columns), columns, squeeze=False, **shared)
        )
        for ax in made[count:]:
            ax.set_visible(False)
        yield made[:count]
        draw_as_written(made[0].figure)


def draw(ax: Any, views: Sequence[ArmView], quantity: str, label: bool = True, **line: Any) -> list[Any]:
    """A quantity of every arm that has it: a line for each of few trajectories, of many the mean with its
    band; returns the values drawn.

    Nothing is drawn where nothing is known: a line breaks there, and two points stay points, since a line
    between them would show a course that nobody saw.
    """
    drawn = []
    for view in views:
        seeds, found = view.seeds(quantity), view.curve(quantity)
        if seeds is None:
            continue
        style = {"color": view.colour, "linestyle": view.line, **line}
        count = len(seeds.values)
        name = f"{view.name} ({view.kind}, {count:,})" if label else None
        if found is None or 1 < count <= FEW:
            style = {**style, "linewidth": 0.75 * style.get("linewidth", STYLE["lines.linewidth"])}
            for k, (time, values) in enumerate(zip(seeds.time, seeds.values, strict=True)):
                course(ax, time, values, label=None if k else name, **style)
            drawn.append(seeds.values[np.isfinite(seeds.values)])
            continue
        times, c = found
        # Places that not all trajectories hold stay empty, so that the line breaks there.
        time, mean, low, high = (np.full(seeds.whole.shape, np.nan) for _ in range(4))
        for to, part in ((time, times), (mean, c.mean), (low, c.low), (high, c.high)):
            to[seeds.whole] = part
        course(ax, time, mean, label=name, **style)
        band(ax, time, low, high, style["color"])
        drawn.append(c.mean)
    return drawn


def course(ax: Any, x: Any, y: Any, **line: Any) -> None:
    """A line through what is known, with a mark at each of few points and at each that stands alone."""
    known = np.isfinite(x) & np.isfinite(y)
    beside = np.concatenate([[False], known[:-1]]) | np.concatenate([known[1:], [False]])
    alone = np.flatnonzero(known & ~beside)
    if known.sum() < 3:
        line["linestyle"] = "none"
    marks: Any = None if known.sum() <= _MARKED else alone.tolist()
    shown = known.sum() <= _MARKED or alone.size > 0
    ax.plot(x, y, marker="o" if shown else "", markersize=3, markevery=marks, **line)


def band(ax: Any, x: Any, low: Any, high: Any, colour: str) -> None:
    """An interval at each place where there is one; a bar where its neighbours have none."""
    known = np.isfinite(low) & np.isfinite(high)
    if known.sum() >= 3:
        ax.fill_between(x, low, high, where=known, color=colour, alpha=0.16, linewidth=0)
    elif known.any():
        ax.vlines(x[known], low[known], high[known], color=colour, linewidth=1.0, alpha=0.6)


def guide(ax: Any, value: float | None, name: str = "") -> None:
    """A dashed line at a value, after the axis is scaled, and its name for the legend; one so far away that
    it would press the curves flat is named only, as what lies beyond the axis."""
    if value is None or not ax.has_data():
        return
    low, high = ax.get_ylim()
    name = name or ("zero" if value == 0 else f"threshold {value:g}")
    if ax.get_yscale() == "log":
        near = value > 0 and low / _NEAR <= value <= high * _NEAR
    else:
        near = low - _ROOM * (high - low) <= value <= high + _ROOM * (high - low)
    if not near:
        ax.plot([], [], label=f"{name}, beyond the axis", **GUIDE)
        return
    ax.axhline(value, label=name, **GUIDE)
    if ax.get_yscale() == "log":
        low, high = min(low, value / _MARGIN), max(high, value * _MARGIN)
        ax.set_ylim(low, high)
        log_ticks(ax.yaxis, low, high)


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
        # Band edges may be negative or tiny; the axis follows the values drawn.
        floor, top = values.min() / _MARGIN, values.max() * _MARGIN
        ax.set_ylim(floor, top)
        log_ticks(ax.yaxis, floor, top)
        for band in ax.collections:
            for path in band.get_paths():
                path.vertices[:, 1] = np.maximum(path.vertices[:, 1], floor)
    else:
        # Nearly linear: a change of sign is no fall through many decades.
        ax.set_yscale("symlog", linthresh=10 ** np.floor(np.log10(size.max() / 10)))
        from matplotlib.ticker import FuncFormatter

        ax.yaxis.set_major_formatter(FuncFormatter(lambda x, _: power(x)))


def log_ticks(axis: Any, low: float, high: float) -> None:
    """Labels 1, 2 and 5 of each decade on a short log axis, plainly written; powers of ten on a long one."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_minor_formatter(NullFormatter())
    if high < 300 * low:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    else:
        axis.set_major_formatter(FuncFormatter(lambda x, _: power(x)))


def power(x: float) -> str:
    """A number of one digit as a power of ten in plain text, which stays text in a picture: "2·10⁻³"."""
    if x == 0:
        return "0"
    exponent = math.floor(math.log10(abs(x)) + 1e-9)
    if -3 <= exponent <= 3:
        return f"{x:g}".replace("-", "−")
    digit = f"{abs(x) / 10.0**exponent:.3g}"
    tens = "10" + str(exponent).translate(_RAISED)
    return ("−" if x < 0 else "") + (tens if digit == "1" else f"{digit}·{tens}")


def axis_label(row: Quantity, name: str = "") -> str:
    """What stands at the axis of a quantity: what it is called on pages, of which part, and its units."""
    part = name.partition(".")[2]
    words = textwrap.fill(f"{row.plain} of {part}" if part else row.plain, _WRAPPED)
    # "loss (loss)" says nothing twice.
    if row.units == "1" or row.units in row.plain.split():
        return words
    units = row.units.translate(_POWERS).replace("^", "")
    return f"{words}\n{units if units.startswith('(') else f'({units})'}"


def clock(views: Sequence[ArmView]) -> str:
    """What the axis of time is called: learning rates are of trainings, and of what stands beside them."""
    return TIME if any(v.kind == "real" for v in views) else "time t"


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
    told = labels or [str(h.get_label()) for h in handles]
    pair = 2 * max(map(len, told)) <= _LETTERS * ax.figure.get_figwidth()
    place = {"loc": "outside lower center", "ncols": 2 if len(handles) > 1 and pair else 1, **where}
    ax.figure.legend(handles=handles, **texts, **place)
