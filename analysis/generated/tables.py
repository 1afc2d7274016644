"""Tables and lists in the docs that are made from what the code knows.

They stand between ``<!-- table: NAME -->`` and ``<!-- end of table -->`` in the pages of ``docs`` and in the
README.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from sdesim.runs.quantities import quantities
from sdesim.runs.quantity_row import Quantity
from sdesim.shipped import study

DOCS = Path(__file__).resolve().parents[2] / "docs"
# Where tables may stand.
PAGES = (*sorted(DOCS.rglob("*.md")), DOCS.parent / "README.md")
_BLOCK = re.compile(r"(<!-- table: (?P<name>[\w -]+) -->\n).*?(<!-- end of table -->)", re.S)


def quantity_table() -> str:
    """Every quantity: name, meaning, units, what it needs, threshold, and where it is taken by default."""
    head = [
        "| quantity | what it is | units | needs | threshold | taken by default |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join(head + [_line(row) for row in quantities()])


def client_table() -> str:
    """What is measured of clients."""
    rows = [f"| `{row.name}` | {_escaped(row.meaning)} |" for row in quantities() if "clients" in row.needs]
    return "\n".join(["| quantity | what it is |", "|---|---|", *rows])


def claim_list() -> str:
    """What the claims come to, as they are kept."""
    claims = study("claims")
    return str(claims.summary(claims.stored()))


TABLES: dict[str, Callable[[], str]] = {
    "quantities": quantity_table,
    "clients": client_table,
    "claims": claim_list,
}


def renewed(text: str) -> str:
    """A page with its tables made anew.

    Raises:
        KeyError: a table that does not exist.
    """
    return _BLOCK.sub(lambda m: f"{m[1]}{TABLES[m['name']]()}\n{m[3]}", text)


def _line(row: Quantity) -> str:
    name = f"{row.name}.<{row.dims[-1]}>" if row.parted else row.name
    shown = f"`{name}`" + (", literal" if row.literal else "")
    if row.words:
        shown = f"`{row.name}`, `{row.name}_fraction.<word>`"
    needs = ", ".join(row.needs)
    line = "" if row.threshold is None else f"{row.threshold:g}"
    kinds = {"compare": row.compared, "rank": row.ranked, "monitor": row.monitored, "sweep": bool(row.swept)}
    taken = ", ".join(kind for kind, held in kinds.items() if held)
    units = "" if row.units == "1" else row.units
    return f"| {shown} | {_escaped(row.meaning)} | {units} | {needs} | {line} | {taken} |"


def _escaped(text: str) -> str:
    """Bars would end a cell."""
    return text.replace("|", r"\|")
