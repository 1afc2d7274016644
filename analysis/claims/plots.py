"""One look for all figures of the ledger: what was measured, what is claimed, what is right instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from sdesim.estimators import Estimate

# Okabe & Ito's colours, told apart by the colour-blind, each with a line of its own.
MEASURED: dict[str, Any] = {"color": "#0072B2"}
CLAIMED: dict[str, Any] = {"color": "#D55E00", "linestyle": (0, (5, 2))}
CORRECTED: dict[str, Any] = {"color": "#009E73"}
OTHER: tuple[str, ...] = ("#CC79A7", "#E69F00", "#56B4E9", "#000000")
GUIDE: dict[str, Any] = {"color": "#777777", "linewidth": 1.0, "linestyle": (0, (2, 2)), "zorder": 1}


def points(
    ax: Any, x: ArrayLike, estimates: Sequence[Estimate], label: str = "measured", **style: Any
) -> None:
    """Values with their intervals over x."""
    values = [e.value for e in estimates]
    bars = [[max(e.value - e.low, 0.0) for e in estimates], [max(e.high - e.value, 0.0) for e in estimates]]
    look = {"marker": "o", "markersize": 4, "linestyle": "", "capsize": 2, **MEASURED, **style}
    ax.errorbar(x, values, yerr=bars, label=label, **look)


def rows(ax: Any, named: dict[str, Estimate], label: str = "measured", **style: Any) -> None:
    """Values with their intervals, one row for each name, the first on top."""
    estimates = list(named.values())
    bars = [[max(e.value - e.low, 0.0) for e in estimates], [max(e.high - e.value, 0.0) for e in estimates]]
    look = {"marker": "o", "markersize": 5, "linestyle": "", "capsize": 2, **MEASURED, **style}
    places = range(len(estimates))
    ax.errorbar([e.value for e in estimates], places, xerr=bars, label=label, **look)
    ax.set_yticks(places, list(named))
    ax.set_ylim(len(estimates) - 0.5, -0.5)


def finish(ax: Any, xlabel: str, ylabel: str = "", title: str = "") -> None:
    """Labels, title and legend."""
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.set_title(title, fontsize=9.5)
    for axis in (ax.xaxis, ax.yaxis):
        # Over few decades matplotlib labels the ticks between them too, one over the other.
        low, high = sorted(abs(v) for v in axis.get_view_interval())
        if axis.get_scale() == "log" and high > 10 * low:
            axis.set_minor_formatter("")
    if ax.get_legend_handles_labels()[0]:
        ax.legend(fontsize=8)
