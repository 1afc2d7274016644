"""The ledger as a table: on a terminal, and in the README between two markers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .rules import CONDITIONS, CONVENTION, FAILS, HOLDS, VERDICTS
from .run import ERROR, UNJUDGED

BEGIN, END = "<!-- claims: begin -->", "<!-- claims: end -->"
RESULTS = Path(__file__).parent / "results" / "claims.json"
_COLOURS = {
    HOLDS: "green",
    CONDITIONS: "cyan",
    FAILS: "red",
    CONVENTION: "blue",
    ERROR: "bold red",
    UNJUDGED: "dim",
}


def show(console: Any, records: Sequence[Mapping[str, Any]]) -> None:
    """Print the records on a rich Console."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("id", "§", "claim", "verdict"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("id", "§"))
    for r in records:
        style = _COLOURS.get(r["verdict"], "yellow")
        cells = (r["id"], r["section"], r["claim"])
        table.add_row(*map(escape, cells), f"[{style}]{r['verdict']}[/{style}]")
    console.print(table)
    console.print(count(records), markup=False)
    for r in records:
        if "error" in r:
            console.print(f"{r['id']}: {r['error']}", style="red", markup=False, soft_wrap=True)


def count(records: Sequence[Mapping[str, Any]]) -> str:
    """ "13 claims: 9 fails as stated, …", in the order of `VERDICTS`."""
    found = Counter(r["verdict"] for r in records)
    parts = [f"{found[v]} × {v}" for v in (*VERDICTS, UNJUDGED, ERROR) if found[v]]
    return f"{len(records)} claims: {', '.join(parts)}"


def readme_block(records: Sequence[Mapping[str, Any]], folder: str = "analysis/claims") -> str:
    """The Markdown table between its markers."""
    lines = [
        BEGIN,
        f"{count(records)}.",
        "",
        "| | § | claim | verdict |",
        "|---|---|---|---|",
        *(
            f"| [{r['id']}]({folder}/{r['study']}) | {r['section']} | {_cell(r['claim'])} | {r['verdict']} |"
            for r in records
        ),
        END,
    ]
    return "\n".join(lines)


def with_block(text: str, block: str) -> str:
    """The text with the block in place of what stands between the markers.

    Raises:
        ValueError: the text lacks the markers.
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"the text needs one line {BEGIN} and one line {END}")
    before, rest = text.split(BEGIN)
    return before + block + rest.split(END)[1]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
