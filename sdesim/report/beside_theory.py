"""Mean exit times beside what theory says of them, as a table of the page."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from sdesim.engine.exit_times import exit_statistics
from sdesim.plots.arms import ArmView
from sdesim.plots.grounded import Grounds
from sdesim.report.words import interval, number


def exits_beside_theory(views: Sequence[ArmView], grounds: Grounds) -> list[dict[str, Any]]:
    """A row for each arm whose exit has a theory: how many left, with flags, the mean with its
    interval, the mean of theory and by what law, and their ratio."""
    return list(_rows(views, grounds))


def _rows(views: Sequence[ArmView], grounds: Grounds) -> Iterator[dict[str, Any]]:
    for view in views:
        leaving = grounds[view.name].leaving if view.name in grounds else None
        if leaving is None or "exit_time" not in view.run:
            continue
        mean = exit_statistics(view.run).mean
        left = int(np.isfinite(view.run["exit_time"].values[:, 0]).sum())
        seen = f"{left:,} of {view.run.sizes['trajectory']:,} left"
        row = {
            "arm": view.name,
            "watched": ", ".join([seen, *(flag.replace("_", " ") for flag in mean.flags)]),
            "theory": number(leaving.mean),
            "law": leaving.law,
            "mean": _said(mean.value, mean.low, mean.high),
            "ratio": "",
        }
        if 0 < leaving.mean < math.inf and math.isfinite(mean.value):
            row["ratio"] = _said(*(x / leaving.mean for x in (mean.value, mean.low, mean.high)))
        yield row


def _said(value: float, low: float, high: float) -> str:
    if not math.isfinite(value):
        return f"above {number(low, 3)}" if math.isfinite(low) else "not known"
    return interval({"value": value, "low": low, "high": high}, 3)
