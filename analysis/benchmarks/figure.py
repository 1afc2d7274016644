"""How many times slower than sdesim, for every contestant of problems A to D, I and J."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sdesim.plots.style import styled

from .problems import C_LOOP, CMS, PROBLEMS, SINGLE
from .rows import Row
from .table import number

PEER, LIMIT, OWN, PROMISE = "#0072B2", "#D55E00", "#009E73", "#555555"
_COLOURS = {C_LOOP: LIMIT, CMS: OWN, SINGLE: OWN}
_MARKERS = {C_LOOP: "D", CMS: "s", SINGLE: "s"}


def ratios(rows: Sequence[Row]) -> Any:
    """A matplotlib Figure, or None where nothing was compared."""
    panels = [(p, [r for r in rows if r.problem == p.key and r.ratio is not None]) for p in PROBLEMS.values()]
    panels = [(p, found) for p, found in panels if found]
    if not panels:
        return None
    heights = [len(found) + 0.9 for _, found in panels]
    with styled() as Figure:
        figure = Figure(figsize=(7.2, 0.29 * sum(heights) + 0.9))
        axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        for ax, (problem, found) in zip(axes, panels, strict=True):
            _panel(ax, problem.title, found)
        largest = max(r.ratio_high or 1.0 for _, found in panels for r in found)
        smallest = min(r.ratio_low or 1.0 for _, found in panels for r in found)
        # Room to the right for the numbers.
        axes[-1].set_xlim(min(0.7, 0.8 * smallest), 4.0 * largest)
        axes[-1].xaxis.set_major_formatter(lambda x, _: f"{x:g}")
        axes[-1].set_xlabel("times slower than sdesim (median, least to largest round)")
        _legend(figure, axes[0])
        return figure


def _panel(ax: Any, title: str, found: Sequence[Row]) -> None:
    ax.set_title(title)
    ax.set_xscale("log")
    ax.minorticks_off()
    ax.grid(axis="y", visible=False)
    ax.axvline(1.0, color="#999999", linewidth=1.0, zorder=1)
    for k, row in enumerate(found):
        colour = _COLOURS.get(row.name, PEER)
        ax.plot([row.ratio_low, row.ratio_high], [k, k], color=colour, linewidth=3.5, alpha=0.35, zorder=2)
        ax.plot([row.ratio], [k], marker=_MARKERS.get(row.name, "o"), color=colour, markersize=5, zorder=3)
        if row.least is not None:
            ax.plot([row.least] * 2, [k - 0.36, k + 0.36], color=PROMISE, linewidth=1.8, zorder=4)
        ax.annotate(
            number(row.ratio),
            (max(row.ratio_high or 0.0, row.least or 0.0), k),
            xytext=(7, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4},
        )
    ax.set_yticks(range(len(found)), [row.name for row in found])
    ax.set_ylim(len(found) - 0.45, -0.55)
    ax.tick_params(axis="y", length=0)


def _legend(figure: Any, ax: Any) -> None:
    marks = (
        ("peer", {"color": PEER, "marker": "o", "linestyle": ""}),
        ("hand-written C", {"color": LIMIT, "marker": "D", "linestyle": ""}),
        ("sdesim by another method", {"color": OWN, "marker": "s", "linestyle": ""}),
        (
            "target",
            {"color": PROMISE, "marker": "|", "markersize": 10, "linestyle": ""},
        ),
    )
    handles = [ax.plot([], [], label=label, **style)[0] for label, style in marks]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
