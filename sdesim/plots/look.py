"""Colours of all figures, told apart by colour-blind eyes, at 3:1 and more on white and on a dark page."""

from __future__ import annotations

from typing import Any

INK = "#000000"
GROUND = "#ffffff"
# What is not data, and which part of the ink it is on a page that chooses its own.
NEUTRALS = {
    INK: 1.0,
    "#555555": 0.7,
    "#777777": 0.6,
    "#888888": 0.5,
    "#9a9a9a": 0.45,
    "#d9d9d9": 0.18,
    "#e4e4e4": 0.13,
    "#e6e6e6": 0.12,
}
GUIDE: dict[str, Any] = {"color": "#777777", "linewidth": 1.0, "linestyle": (0, (2, 2)), "zorder": 1}
# What a law, a formula or a number known beforehand says.
LAW: dict[str, Any] = {"color": INK, "linewidth": 1.4, "zorder": 4}
# Simulated arms are blues, real arms are oranges, told apart by shade and dash.
SIMULATED = (("#0072B2", "-"), ("#7A62C9", "--"), ("#2F8F9D", "-."), ("#5A8FD6", ":"), ("#5B7FA6", "-"))
REAL = (("#D55E00", "-"), ("#A86B00", "--"), ("#C2452D", "-."), ("#C8761A", ":"), ("#8C7A00", "-"))
# Series that are no arms.
SERIES = ("#0072B2", "#009E73", "#7A62C9", "#A86B00", "#C0507F")
# Hatched too, so that what is not decided is no third answer.
PHASE_COLOURS = {"exploration": "#C0507F", "transition": "#8A8A8A", "generalization": "#009E73"}
UNDECIDED = "////"
