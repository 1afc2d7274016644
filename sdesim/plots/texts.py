"""Which texts of a figure are mathematics: those of our quantities' labels, and none that others wrote."""

from __future__ import annotations

import re
from typing import Any

from sdesim.io.text import lines_for_terminal

_MATHEMATICS = re.compile(r"(?<!\\)\$(.*?)(?<!\\)\$")
# Powers of ten and plain numbers, as matplotlib writes them at the ticks of an axis.
_TICK = re.compile(r"\\mathdefault\{[-−]?(\d+(\.\d+)?)?(\\times)?(10\^\{[-−]?\d+(\.\d+)?\})?\}")


def draw_as_written(figure: Any) -> None:
    """Have every text drawn as it stands that holds other mathematics than the labels of quantities do.

    A well may be called ``$\\frac{$``: read as mathematics it would end the figure, and the report with it.
    Characters that can't be seen are written as escapes.
    """
    from matplotlib.cbook import is_math_text
    from matplotlib.text import Text

    known: set[str] | None = None
    for text in figure.findobj(Text):
        said = text.get_text()
        if not said.replace("\n", "").isprintable():
            text.set_text(lines_for_terminal(said))
        # matplotlib reads each line by itself.
        parts = [
            part for line in said.split("\n") if is_math_text(line) for part in _MATHEMATICS.findall(line)
        ]
        if parts:
            known = _known() if known is None else known
            if any(part not in known and not _TICK.fullmatch(part) for part in parts):
                text.set_parse_math(False)


def _known() -> set[str]:
    """The mathematics in the labels of all quantities."""
    from sdesim.runs.quantities import quantities

    labels = (text for row in quantities() for text in (row.label, row.symbol, row.title, row.plain))
    return {part for text in labels if text for part in _MATHEMATICS.findall(text)}
