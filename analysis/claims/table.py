"""The ledger on a terminal: a table of many claims, a card of a few, and what another seed moved."""

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
# How a check came out.
MARKS = {True: "✓", False: "✗", None: "?"}
# So few are shown in full.
_CARDS = 3
Record = Mapping[str, Any]


def show(console: Any, records: Sequence[Record], kept: Sequence[Record] = ()) -> None:
    """Print the records on a rich Console, and where their verdicts differ from those that are kept."""
    if len(records) <= _CARDS:
        for r in records:
            _card(console, r)
    else:
        _table(console, records)
        console.print(count(records), markup=False)
    for r in records:
        if "error" in r:
            console.print(f"{r['id']}: {r['error']}", style="red", markup=False, soft_wrap=True)
    for line in told(records, kept):
        console.print(line, markup=False, soft_wrap=True)


def _table(console: Any, records: Sequence[Record]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("id", "§", "claim", "basis", "verdict"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("id", "basis"))
    for r in records:
        style = _COLOURS.get(r["verdict"], "yellow")
        cells = (r["id"], r["section"], r["claim"], r["basis"])
        table.add_row(*map(escape, cells), f"[{style}]{r['verdict']}[/{style}]")
    console.print(table)


def _card(console: Any, r: Record) -> None:
    """One claim in full: what it says, what was seen, what holds instead."""
    from rich.text import Text

    style = _COLOURS.get(r["verdict"], "yellow")
    console.print(
        Text.assemble((f"{r['id']} ", "bold"), (r["verdict"], style), f" · {r['basis']} · § {r['section']}")
    )
    console.print(r["claim"], markup=False)
    for title, text, checks in parts(r):
        console.print(Text.assemble((f"{title} ", "bold"), text) if text else Text(title, style="bold"))
        for c in checks:
            console.print(f"  {MARKS[c['holds']]} {c['text']}", markup=False)
    console.print()


def parts(r: Record) -> list[tuple[str, str, Sequence[Record]]]:
    """What a reader is told of a claim, in order: title, words, checks; what is empty is left out."""
    told = [
        ("In the source:", f"“{r['quotation']}”" if r.get("quotation") else "", ()),
        ("Test:", r["test"], ()),
        ("As stated", "", r.get("stated", ())),
        ("Fair reading:", _fair(r), r.get("fair_checks", ())),
        ("Not tested:", r.get("reason", ""), ()),
        ("What holds:", r.get("corrected", ""), r.get("corrected_checks", ())),
        ("Rests on", r.get("sample_size", ""), ()),
        ("What would change this:", r.get("change_mind", ""), ()),
        ("Criterion", _since(r), ()),
    ]  # fmt: skip
    return [(title, text, checks) for title, text, checks in told if text or checks]


def _fair(r: Record) -> str:
    return f"{r['fair']} ({r['fair_verdict'] or 'not judged'})" if r.get("fair_checks") else ""


def _since(r: Record) -> str:
    since = f"of {r['since']}" if r.get("since") else ""
    changed = f"changed after a result was seen: {r['changed']}" if r.get("changed") else ""
    return "; ".join(filter(None, (since, changed)))


def moved(records: Sequence[Record], kept: Sequence[Record]) -> list[dict[str, str]]:
    """Claims whose verdict differs from the one kept: id, kept, found; without those not judged."""
    before = {r["id"]: r["verdict"] for r in kept}
    return [
        {"id": r["id"], "kept": before[r["id"]], "found": r["verdict"]}
        for r in records
        if r["verdict"] in VERDICTS and r["id"] in before and r["verdict"] != before[r["id"]]
    ]


def told(records: Sequence[Record], kept: Sequence[Record]) -> list[str]:
    """How the verdicts compare with those that are kept, in lines."""
    judged = sum(r["verdict"] in VERDICTS for r in records)
    if not kept or not judged:
        return []
    found = moved(records, kept)
    if not found:
        return [f"Beside the ledger that comes with sdesim (seed 0): no verdict moved, of {judged}."]
    lines = [f"{m['id']}: {m['kept']} → {m['found']}" for m in found]
    return [f"Beside the ledger that comes with sdesim (seed 0), {len(found)} of {judged} moved:", *lines]


def count(records: Sequence[Record]) -> str:
    """ "13 claims: 9 × fails as stated, …", in the order of `VERDICTS`."""
    found = Counter(r["verdict"] for r in records)
    parts = [f"{found[v]} × {v}" for v in (*VERDICTS, UNJUDGED, ERROR) if found[v]]
    return f"{len(records)} claims: {', '.join(parts)}"
