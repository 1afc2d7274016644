"""Three pictures: coverage over sample sizes, error of each method, false alarms and detections."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sdesim.plots.style import styled

from .rows import Rate, Row

# Okabe & Ito's colours, told apart by the colour-blind, each with a marker of its own.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C564B")
_MARKERS = ("o", "s", "D", "^", "P", "X", "*", "h")
_PROMISE = {"color": "#555555", "linewidth": 1.0, "linestyle": (0, (4, 2)), "zorder": 1}
_FLOOR = 0.6
_COLUMNS = 2
# Errors beyond this many times the usual ones are told by a number at the edge.
_BEYOND = 3.0


def figures(rows: Sequence[Row]) -> dict[str, Any]:
    """Name of the file → matplotlib Figure, for what the rows hold."""
    drawn = {"coverage": _coverage(rows), "errors": _errors(rows), "alarms": _alarms(rows)}
    return {name: figure for name, figure in drawn.items() if figure is not None}


def _grouped(rows: Sequence[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def _look(methods: Sequence[str]) -> dict[str, dict[str, Any]]:
    return {
        m: {"color": _COLOURS[k % len(_COLOURS)], "marker": _MARKERS[k % len(_MARKERS)]}
        for k, m in enumerate(dict.fromkeys(methods))
    }


def _coverage(rows: Sequence[Row]) -> Any:
    """Share of intervals that hold the truth: a panel for each estimator, one line for those of one case."""
    known = [r for r in rows if r.coverage is not None]
    panels = {name: found for name, found in _grouped(known, lambda r: r.estimator).items() if _many(found)}
    alone = _grouped([r for r in known if r.estimator not in panels], lambda r: r.estimator)
    if not known:
        return None
    lines = math.ceil(len(panels) / _COLUMNS)
    heights = (2.0 * lines, 0.2 * len(alone) + 0.9 if alone else 0.0)
    with styled() as Figure:
        figure = Figure(figsize=(10.5, sum(heights) + 0.5))
        parts = figure.subfigures(2, 1, height_ratios=[max(h, 0.01) for h in heights])
        if panels:
            axes = parts[0].subplots(lines, _COLUMNS, sharey=True, squeeze=False).ravel()
            for ax, (name, found) in zip(axes, panels.items(), strict=False):
                _coverage_panel(ax, name, found)
            for ax in axes[len(panels) :]:
                ax.remove()
            parts[0].supylabel("share of intervals that hold the truth", fontsize=10)
        if alone:
            _single_panel(parts[1].subplots(), alone)
        figure.suptitle(
            "Coverage of the intervals: a line for each kind of data, 95% binomial bars; dashed: nominal;\n"
            f"triangles at the foot: below {_FLOOR:g}; faint: no coverage is promised there",
            fontsize=10,
        )
        return figure


def _many(rows: Sequence[Row]) -> bool:
    return len({_line(r) for r in rows}) > 1


def _coverage_panel(ax: Any, name: str, rows: Sequence[Row]) -> None:
    look = _look([r.method for r in rows])
    lines = _grouped(rows, lambda r: (r.method, r.data))
    ax.set_title(name)
    ax.set_xscale("log")
    ax.axhline(min(rows[0].level, 0.999), **_PROMISE)
    labelled: set[str] = set()
    for k, ((method, _), found) in enumerate(lines.items()):
        # Side by side, so that bars of equal size don't hide each other.
        shift = 1.0 + 0.25 * ((k + 0.5) / len(lines) - 0.5)
        shown = [(r.size * shift, r.coverage) for r in found if r.coverage is not None]
        promised = any(c.at_least is not None for _, c in shown)
        style = {**look[method], "alpha": 0.9 if promised else 0.35}
        y = [max(c.value, _FLOOR) for _, c in shown]
        bars = [[max(v - max(c.low, _FLOOR), 0.0) for v, (_, c) in zip(y, shown, strict=True)],
                [max(c.high - v, 0.0) for v, (_, c) in zip(y, shown, strict=True)]]  # fmt: skip
        label = None if method in labelled else method
        labelled.add(method)
        ax.errorbar(
            [at for at, _ in shown], y, yerr=bars, markersize=4, linewidth=0.9, elinewidth=0.8, label=label,
            **style,
        )  # fmt: skip
        low = [at for at, c in shown if c.value < _FLOOR]
        # An empty line has an infinite extent, which the layout can't place.
        if low:
            ax.plot(low, [_FLOOR] * len(low), "v", color=style["color"], markersize=6)
    sizes = sorted({r.size for r in rows})
    ax.set_xticks(sizes, [str(s) for s in sizes])
    ax.minorticks_off()
    ax.set_xlim(sizes[0] / 1.5, sizes[-1] * 1.5)
    ax.set_ylim(_FLOOR - 0.02, 1.02)
    ax.set_xlabel(rows[0].size_name)
    ax.legend(fontsize=7.5, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _single_panel(ax: Any, alone: dict[str, list[Row]]) -> None:
    """Estimators with one case: a row each, a mark for each size."""
    ax.set_title("estimators with one kind of data (darker and larger: more samples; orange: promised)")
    for k, found in enumerate(alone.values()):
        for j, row in enumerate(found):
            assert row.coverage is not None
            _rate_mark(ax, row.coverage, k, j, len(found))
    _rows_of(ax, list(alone))
    ax.set_xlim(_FLOOR - 0.02, 1.01)
    ax.axvline(0.95, **_PROMISE)


def _errors(rows: Sequence[Row]) -> Any:
    """Bias ± spread at the largest size, where several methods are asked for the same number."""
    known = [r for r in rows if math.isfinite(r.bias) and math.isfinite(r.spread)]
    last = [max(group, key=lambda r: r.size) for group in _grouped(known, _line).values()]
    panels = {name: found for name, found in _grouped(last, lambda r: r.estimator).items() if _rivals(found)}
    if not panels:
        return None
    heights = [len({r.data for r in found}) + 0.9 for found in panels.values()]
    with styled() as Figure:
        figure = Figure(figsize=(9.5, 0.27 * sum(heights) + 0.5 * len(heights) + 0.6))
        axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
        for ax, (name, found) in zip(axes, panels.items(), strict=True):
            _error_panel(ax, name, found)
        figure.suptitle(
            "Value − truth at the largest sample size: mean (mark) ± standard deviation (bar); "
            "a number: beyond the edge",
            fontsize=10,
        )
        return figure


def _rivals(rows: Sequence[Row]) -> bool:
    """Whether two methods were asked for the same number on the same data."""
    return any(
        len({r.truth for r in found}) < len(found) for found in _grouped(rows, lambda r: r.data).values()
    )


def _line(row: Row) -> tuple[str, str, str]:
    return row.estimator, row.method, row.data


def _error_panel(ax: Any, name: str, rows: Sequence[Row]) -> None:
    look = _look([r.method for r in rows])
    places = {data: k for k, data in enumerate(dict.fromkeys(r.data for r in rows))}
    ax.set_title(name)
    ax.axvline(0.0, **_PROMISE)
    usual = float(np.quantile([abs(r.bias) + r.spread for r in rows], 0.85))
    edge = _BEYOND * usual
    for k, (method, found) in enumerate(_grouped(rows, lambda r: r.method).items()):
        shift = 0.7 * ((k + 0.5) / len(look) - 0.5)
        ax.errorbar(
            [r.bias for r in found], [places[r.data] + shift for r in found], xerr=[r.spread for r in found],
            linestyle="", markersize=4, elinewidth=1.6, label=method, **look[method],
        )  # fmt: skip
        for r in found:
            if abs(r.bias) > edge:
                side = math.copysign(1.0, r.bias)
                ax.annotate(
                    f"{r.bias:+.2g}", (0.97 * side * edge, places[r.data] + shift),
                    color=look[method]["color"],
                    ha="right" if side > 0 else "left", va="center", fontsize=8,
                )  # fmt: skip
    if any(abs(r.bias) > edge for r in rows):
        ax.set_xlim(-edge, edge)
    ax.locator_params(axis="x", nbins=7)
    ax.set_yticks(range(len(places)), list(places), fontsize=8)
    ax.set_ylim(len(places) - 0.45, -0.55)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", visible=False)
    ax.legend(fontsize=7.5, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _alarms(rows: Sequence[Row]) -> Any:
    """Rates of false alarms (the worst data of each kind) and of detections (every data)."""
    false: dict[str, dict[int, Rate]] = {}
    right: dict[str, dict[int, Rate]] = {}
    for row in rows:
        for e in row.events:
            if e.wanted:
                right.setdefault(f"{row.estimator}, {row.method}: {e.name}\n{row.data}", {})[row.size] = e
                continue
            places = false.setdefault(f"{row.estimator}, {row.method}:\n{e.name}", {})
            if row.size not in places or e.value > places[row.size].value:
                places[row.size] = e
    panels = [
        ("False alarms, on the data that give most of them", false),
        ("Detections", right),
    ]
    panels = [(title, found) for title, found in panels if found]
    if not panels:
        return None
    heights = [len(found) + 0.8 for _, found in panels]
    with styled() as Figure:
        figure = Figure(figsize=(9.0, 0.4 * sum(heights) + 1.0))
        axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
        for ax, (title, found) in zip(axes, panels, strict=True):
            _alarm_panel(ax, title, found)
        axes[-1].set_xlabel(
            "share of replications, 95% binomial bars\n"
            "darker and larger: more samples; orange: promised bound"
        )
        return figure


def _alarm_panel(ax: Any, title: str, found: dict[str, dict[int, Rate]]) -> None:
    ax.set_title(title)
    for k, places in enumerate(found.values()):
        for j, size in enumerate(sorted(places)):
            _rate_mark(ax, places[size], k, j, len(places))
    _rows_of(ax, list(found))
    ax.set_xlim(-0.02, 1.02)


def _rate_mark(ax: Any, rate: Rate, row: int, number: int, of: int) -> None:
    """A rate with its bar in a row, the larger the later it comes, and what is promised of it."""
    weight = (number + 1) / of
    at = row + 0.5 * ((number + 0.5) / of - 0.5)
    ax.errorbar(
        [rate.value], [at], xerr=[[rate.value - rate.low], [rate.high - rate.value]], marker="o",
        markersize=2.5 + 3 * weight, color=_COLOURS[0], alpha=0.3 + 0.7 * weight, elinewidth=1.2,
    )  # fmt: skip
    bound = rate.at_most if rate.at_most is not None else rate.at_least
    if bound is not None:
        ax.plot([bound] * 2, [at - 0.5 / of, at + 0.5 / of], color=_COLOURS[1], linewidth=1.6, zorder=3)


def _rows_of(ax: Any, names: Sequence[str]) -> None:
    ax.set_yticks(range(len(names)), list(names), fontsize=7.5)
    ax.set_ylim(len(names) - 0.45, -0.55)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", visible=False)
