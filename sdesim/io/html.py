"""Tables as HTML for notebooks: every text escaped, no style but what the page has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sdesim.io.text import for_html


def html_table(head: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "", note: str = "") -> str:
    """A table with a caption over it and a note under it; every cell is text and is escaped.

    Args:
        head: of the columns. rows: their cells; the first names its row.
    """
    top = "".join(f'<th scope="col" style="text-align:left">{for_html(h)}</th>' for h in head)
    body = "".join(f"<tr>{_cells(row)}</tr>" for row in rows)
    said = f'<caption style="text-align:left"><b>{for_html(caption)}</b></caption>' if caption else ""
    below = f"<p>{for_html(note)}</p>" if note else ""
    return f"<table>{said}<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>{below}"


def _cells(row: Sequence[Any]) -> str:
    first, *others = (for_html(x) for x in row)
    plain = "".join(f'<td style="text-align:left">{x}</td>' for x in others)
    return f'<th scope="row" style="text-align:left">{first}</th>{plain}'
