"""Which figures a page leads with: those of what the scenario asks, then those of its kind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sdesim.runs.quantities import lookup, quantities

MOST = 4
_BY_KIND = {
    "comparison": ("loss", "consolidation", "phases", "curvature"),
    "training": ("accuracy", "loss", "consolidation", "phases", "curvature"),
    "simulation": ("exits", "occupancy", "paths", "density", "loss", "consolidation"),
}
# Of a path that was stopped where it left, these follow no law of interest, least of all under heavy tails.
OF_WHOLE_PATHS = ("loss", "weight_norm")
_QUANTITY = re.compile(r"[A-Za-z]\w*")


def leading(summary: Mapping[str, Any], figures: Sequence[str]) -> list[str]:
    """Names of at most four of the figures that there are, the first first."""
    arms = list(summary["arms"].values())
    kinds = {a["kind"] for a in arms}
    kind = "comparison" if len(kinds) > 1 else "training" if "real" in kinds else "simulation"
    stopped = kind == "simulation" and any(
        2 * a["status"].get("stopped", 0) > a["trajectories"] for a in arms
    )
    wanted = dict.fromkeys([*asked_figures(summary), *_BY_KIND[kind]])
    return [name for name in wanted if name in figures and not (stopped and name in OF_WHOLE_PATHS)][:MOST]


def asked_figures(summary: Mapping[str, Any]) -> Iterator[str]:
    """Names of the figures of the quantities that the scenario expects something of, in their order."""
    for e in summary.get("expectations") or []:
        name = str(e["quantity"]).partition(" ")[0]
        for word in (name, *_QUANTITY.findall(name)):
            row = lookup(word)
            if row is not None and row.figure:
                yield row.figure
                break


def derived_figures() -> set[str]:
    """Names of the figures that show nothing but quantities computed from others."""
    rows = [row for row in quantities() if row.figure]
    return {row.figure for row in rows} - {row.figure for row in rows if not row.follows}
