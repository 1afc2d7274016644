"""How many times slower than sdesim, for every contestant of problems A to D, I and J."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sdesim.plots.style import styled

from .problems import C_LOOP, PROBLEMS, Problem
from .rows import Row
from .table import number

PEER, LIMIT, OWN, PROMISE = "#0072B2", "#D55E00", "#009E73", "#555555"
_Panel = tuple[Problem, list[Row]]


def ratios(rows: Sequence[Row]) -> Any:
    """A matplotlib Figure, or None where nothing was compared. What has no peer is in the table."""
    panels = [(p, [r for r in rows if r.problem == p.key and r.ratio is not None]) for p in PROBLEMS.values()]
    panels = [(p, found) for p, found in panels if not all(_is_own(r) for r in found)]
    if not panels:
        return None
    columns = _columns(panels)
    with styled() as Figure:
        figure = Figure(figsize=(7.4 * len(columns), 0.29 * max(map(_height, columns)) + 0.9))
        parts = figure.subfigures(1, len(columns), squeeze=False)[0]
        largest = max(r.ratio_high or 1.0 for _, found in panels for r in found)
        smallest = min(r.ratio_low or 1.0 for _, found in panels for r in found)
        for part, column in zip(parts, columns, strict=True):
            heights = [_height([panel]) for panel in column]
            axes = part.subplots(len(column), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
            for ax, (problem, found) in zip(axes, column, strict=True):
                _panel(ax, problem.title, found)
            # Room to the right for the numbers.
            axes[-1].set_xlim(min(0.7, 0.8 * smallest), 6.0 * largest)
            axes[-1].xaxis.set_major_formatter(lambda x, _: f"{x:,g}")
            axes[-1].set_xlabel("times slower than sdesim (median, least to largest round)")
        _legend(figure, axes[0])
        return figure


def _is_own(row: Row) -> bool:
    return row.name.startswith("sdesim")


def _height(panels: Sequence[_Panel]) -> float:
    return sum(len(found) + 1.4 for _, found in panels)


def _columns(panels: list[_Panel]) -> list[list[_Panel]]:
    """One column of few, else two as alike in height as the order of the problems allows."""
    if len(panels) < 3:
        return [panels]
    cut = min(range(1, len(panels)), key=lambda k: abs(_height(panels[:k]) - _height(panels[k:])))
    return [panels[:cut], panels[cut:]]


def _panel(ax: Any, title: str, found: Sequence[Row]) -> None:
    ax.set_title(title)
    ax.set_xscale("log")
    ax.minorticks_off()
    ax.grid(axis="y", visible=False)
    ax.axvline(1.0, color="#999999", linewidth=1.0, zorder=1)
    for k, row in enumerate(found):
        colour, marker = (LIMIT, "D") if row.name == C_LOOP else (OWN, "s") if _is_own(row) else (PEER, "o")
        ax.plot([row.ratio_low, row.ratio_high], [k, k], color=colour, linewidth=3.5, alpha=0.35, zorder=2)
        ax.plot([row.ratio], [k], marker=marker, color=colour, markersize=5, zorder=3)
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
