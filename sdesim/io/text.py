"""Text that others wrote, made safe for each medium that shows it: one function for each.

A name, a description or a path may hold anything. On a terminal an escape code moves the cursor or sets the
window's title, in HTML a tag runs, in a figure a dollar sign begins mathematics, in a table of numbers a cell
that begins with = is a formula.
"""

from __future__ import annotations

import html
from typing import Any

# Characters of a line that tells a problem.
LONGEST = 300
_CUT = " … "
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def for_terminal(text: Any) -> str:
    """Printable characters alone; others as the escapes that Python and YAML write them with, so that a line
    stays one line and says in what order its letters stand: "a\\x1b[31m".

    A second time changes nothing.
    """
    plain = str(text)
    if plain.isprintable():
        return plain
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in plain)


def lines_for_terminal(text: Any) -> str:
    """As `for_terminal` of each line; the ends of lines are kept."""
    return "\n".join(for_terminal(line) for line in str(text).split("\n"))


def clipped(text: Any, most: int = LONGEST) -> str:
    """As `for_terminal`, with the middle of a long line cut out: the place of a problem stands at its
    beginning and what is allowed at its end."""
    line = for_terminal(text)
    if len(line) <= most:
        return line
    end = (most - len(_CUT)) // 3
    return line[: most - len(_CUT) - end] + _CUT + line[-end:]


def for_html(text: Any) -> str:
    """Text between tags or in a quoted attribute."""
    return html.escape(lines_for_terminal(text))


def for_figure(text: Any) -> str:
    """Text of a figure in which nothing is mathematics: each dollar sign is one to see."""
    return lines_for_terminal(text).replace("$", r"\$")


def for_cell(value: Any) -> Any:
    """A cell of a table for spreadsheets: text that would be a formula has an apostrophe before it, and what
    no encoding writes stands as its escape; numbers, written as text or not, are as they were."""
    if isinstance(value, str):
        value = value.encode("utf-8", "backslashreplace").decode("utf-8")
    if not isinstance(value, str) or not value.startswith(_FORMULA) or _is_number(value):
        return value
    return f"'{value}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.isprintable()
