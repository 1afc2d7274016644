"""The ledger as a table on a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from .rules import CONDITIONS, CONVENTION, FAILS, HOLDS, VERDICTS
from .run import ERROR, UNJUDGED

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
