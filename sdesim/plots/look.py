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
