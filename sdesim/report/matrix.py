"""The matrix of a page: independent quantities down, simulations across, verdict and curves in each cell."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sdesim.comparison.align import series
from sdesim.plots.arms import ArmView
from sdesim.report.curve_svg import MOST_LINES, curves
from sdesim.report.headline import effect, said_of, spreads, tally
from sdesim.report.words import listed, number, plain
from sdesim.runs.quantities import independent, lookup, root_of

WORDS = {
    "equal": "equal",
    "indistinguishable": "not told apart",
    "undecided": "undecided",
    "differs": "told apart",
}
# Quantities without a heading of their own.
_FURTHER = "further"


def matrix(
    comparisons: Sequence[Mapping[str, Any]], views: Sequence[ArmView], labels: Mapping[str, str]
) -> dict[str, Any]:
    """What the template draws: columns, groups of rows with cells, tallies, and the cell to begin with.

    Args:
        comparisons: of summary.json.
        views: of the arms, for curves and colours.
        labels: what each arm is, by name.
    """
    looks = {v.name: v for v in views}
    order = [v.name for v in views if v.kind == "simulated"]
    columns = [
        {
            "name": c["simulated"],
            "real": c["real"],
            "label": labels.get(c["simulated"], ""),
            "look": f"a{order.index(c['simulated']) % 5}" if c["simulated"] in order else "a0",
            "tally": _tally(c),
        }
        for c in comparisons
    ]
    names = independent(q for c in comparisons for q in c["quantities"])
    groups: dict[str, list[dict[str, Any]]] = {}
    for q in names:
        row = lookup(q)
        heading = row.heading if row is not None else _FURTHER
        found = [_cell(q, c, col, looks) for c, col in zip(comparisons, columns, strict=True)]
        folded = [n for n in _compared(comparisons) if root_of(n) == q and n != q]
        groups.setdefault(heading, []).append(
            {"name": q, "plain": plain(q), "cells": found, "folded": _folded(folded, comparisons)}
        )
    cells: list[dict[str, Any]] = [
        cell for rows in groups.values() for row in rows for cell in row["cells"] if cell is not None
    ]
    first = _first(cells)
    for cell in cells:
        cell["checked"] = cell is first
    colours = {c["look"]: looks[c["name"]].colour for c in columns if c["name"] in looks}
    return {
        "columns": columns,
        "colours": colours,
        "groups": groups,
        "cells": cells,
        "total": len(names),
        "words": _words(comparisons),
        "paths": _paths(comparisons),
    }


def _paths(comparisons: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Whether whole paths of each simulation are told from the real ones; empty where none was tested."""
    found = []
    for c in comparisons:
        test = c.get("paths") or {}
        line = next((v for v in c.get("verdicts") or () if v.startswith("paths: ")), "")
        shown = "–" if test.get("outcome") == "undecided" else f"p {number(test.get('p_value'), 2)}"
        found.append({"outcome": test.get("outcome", ""), "shown": shown, "verdict": line})
    return found if any(cell["outcome"] for cell in found) else []


def _words(comparisons: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What each mark means; that of equality where it is said at all, with its margin."""
    said = {said_of(cell) for c in comparisons for cell in c["quantities"].values()}
    margin = next((c["margin"] for c in comparisons if c.get("margin")), 1.0)
    words = {**WORDS, "equal": f"equal within {spreads(margin)}"}
    return {k: v for k, v in words.items() if k != "equal" or k in said}


def _compared(comparisons: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(q for c in comparisons for q in c["quantities"]))


def _folded(names: Sequence[str], comparisons: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line for each quantity that is computed from the row's: its verdicts."""
    lines = []
    for name in names:
        told = [
            f"{c['simulated']} {WORDS[said_of(cell)]} ({number(cell['distance'], 2)})"
            for c in comparisons
            if (cell := c["quantities"].get(name)) is not None
        ]
        lines.append(f"{plain(name)}: {listed(told)}")
    return lines


def _tally(comparison: Mapping[str, Any]) -> list[tuple[str, int]]:
    found = tally(comparison)
    return [(outcome, len(found[outcome])) for outcome in WORDS if found[outcome]]


def _cell(
    name: str, comparison: Mapping[str, Any], column: Mapping[str, Any], looks: Mapping[str, ArmView]
) -> dict[str, Any] | None:
    cell = comparison["quantities"].get(name)
    if cell is None:
        return None
    real, simulated = comparison["real"], comparison["simulated"]
    arms, seeds = [], []
    for arm, look in ((real, "real"), (simulated, str(column["look"]))):
        view = looks.get(arm)
        found = None if view is None else series(view.run, view.measured, name)
        if found is not None:
            arms.append((arm, look, found))
            seeds.append(len(found.values))
    outcome = _worded(cell, comparison)
    text = f"{plain(name)}, {simulated}: {outcome}, distance {number(cell['distance'], 2)}"
    drawn = "one line a seed" if max(seeds, default=0) <= MOST_LINES else "bands from lowest to highest seed"
    return {
        "id": f"{_identifier(name)}-{column['look']}",
        "quantity": name,
        "plain": plain(name),
        "simulated": simulated,
        "real": real,
        "look": column["look"],
        "outcome": said_of(cell),
        "words": outcome,
        "distance": number(cell["distance"], 2),
        "effect": effect(cell),
        "label": text,
        "drawn": drawn,
        "svg": curves(arms, f"{text}; {effect(cell)}, on average over time"),
        "size": cell["distance"] or 0.0,
    }


def _worded(cell: Mapping[str, Any], comparison: Mapping[str, Any]) -> str:
    """ "not told apart", "equal within 1 spread"."""
    said = said_of(cell)
    return f"equal within {spreads(comparison['margin'])}" if said == "equal" else WORDS[said]


def _first(cells: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The cell to begin with: of those told apart the one that is the least extreme beyond the middle, so
    that both curves show; else the first."""
    told = sorted((c for c in cells if c["outcome"] == "differs"), key=lambda c: c["size"])
    return told[len(told) // 2] if told else next(iter(cells), None)


def _identifier(name: str) -> str:
    """A name as the id of an element, which stands in a style sheet too."""
    clean = re.sub(r"[^A-Za-z0-9_-]", "-", name)
    if clean == name.replace(".", "-"):
        return clean
    return f"{clean}-{hashlib.sha256(name.encode(errors='replace')).hexdigest()[:8]}"
