"""The bands that all figures draw."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .statistics import mean

# Colour-blind-safe (Okabe and Ito), in the order in which arms appear.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def band(ax: Any, x: ArrayLike, rows: ArrayLike, colour: str, label: str | None = None, **line: Any) -> None:
    """Mean over the rows (seeds, len(x)) and Student's 95% interval."""
    found = [mean(column) for column in np.asarray(rows, dtype=np.float64).T]
    ax.plot(x, [f["value"] for f in found], color=colour, label=label, **line)
    ax.fill_between(
        x, [f["low"] for f in found], [f["high"] for f in found], color=colour, alpha=0.16, linewidth=0
    )


def bar(ax: Any, place: float, values: ArrayLike, colour: str, label: str | None = None) -> None:
    """One mean with its interval as a horizontal bar, and every seed as a dot."""
    found = mean(values)
    ax.plot(values, np.full(len(np.asarray(values)), place), ".", color=colour, alpha=0.35, markersize=4)
    ax.plot([found["low"], found["high"]], [place, place], color=colour, linewidth=2.2)
    ax.plot([found["value"]], [place], "o", color=colour, markersize=5, label=label)
