"""The rows as Markdown and as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from .problems import BASE, PROBLEMS
from .rows import Row

_HEAD = """\
| problem | who | cost: median (least – largest) | by sdesim's | target | | note |
|---|---|---|---|---|---|---|"""


def number(x: float | None) -> str:
    """Three significant digits, thousands with commas."""
    if x is None:
        return ""
    return f"{x:,.0f}" if abs(x) >= 100 else f"{x:.3g}"


def markdown(rows: Sequence[Row], facts: dict[str, Any]) -> str:
    """The whole page: what was measured where, and one line for each row."""
    lines = ["# Speed", "", *_preface(facts), "", _HEAD]
    previous = ""
    for row in rows:
        title = f"**{row.problem}** {row.title}" if row.problem in "ABCDEFGH" else row.title
        lines.append("| " + " | ".join([title if title != previous else "", *_cells(row)]) + " |")
        previous = title
    return "\n".join(lines) + "\n"


def _cells(row: Row) -> list[str]:
    spread = "" if row.low == row.high else f" ({number(row.low)} – {number(row.high)})"
    cost = "not measured" if row.value is None else f"{number(row.value)} {row.unit}{spread}"
    compared = row.problem in (*PROBLEMS, "H")
    ratio = "" if row.ratio is None or not compared else f"× {number(row.ratio)}"
    if ratio:
        ratio += f" ({number(row.ratio_low)} – {number(row.ratio_high)})"
    name = f"**{row.name}**" if row.name == BASE else row.name
    return [name, cost, ratio, row.target, {None: "", True: "met", False: "**missed**"}[row.met], row.note]


def _preface(facts: dict[str, Any]) -> list[str]:
    host = facts["host"]
    load = "" if facts["load_before"] is None else f", load {facts['load_before']:.1f} before the start"
    lines = [
        f"{facts['created']}, {host['processor']} ({host['cores']} cores), {host['system']}; sdesim "
        f"{facts['versions'].get('sdesim', '')} at {facts['git_commit'][:12] or 'no commit'}. "
        f"{facts['rounds']} rounds{', small sizes (--quick)' if facts['quick'] else ''}{load}.",
        "Float64, one core each; CPU time, for E, G and saving to Zarr wall time. A to C and J: ns for one "
        "trajectory, one coordinate, one step (or one draw); D: µs for one full-batch step of one network; "
        "H: float32, seconds for one reading. "
        "The ratio is the median over rounds of cost by sdesim's cost in the same round, with its least and "
        "largest. A target is held against the median.",
    ]
    shown = ", ".join(f"{k} {v}" for k, v in sorted(facts["versions"].items()) if k != "sdesim")
    lines.append(f"Versions: {shown}.")
    for command, problems in _by_command(facts["compilers"]).items():
        lines.append(f"C loop of {', '.join(problems)}: `{command}`.")
    return [line for text in lines for line in (text, "")][:-1]


def _by_command(compilers: dict[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for problem, command in compilers.items():
        found.setdefault(command, []).append(problem)
    return found


def data(rows: Sequence[Row], facts: dict[str, Any]) -> dict[str, Any]:
    """The same for machines."""
    return {**facts, "rows": [asdict(row) for row in rows]}
