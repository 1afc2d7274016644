"""How the verbs print: lines break between words, and but for pages to read on terminals alone."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sdesim.io.text import for_terminal, lines_for_terminal

if TYPE_CHECKING:
    from rich.console import Console

_NARROWEST = 24
# Pages to read, which go through a pager as often as not.
_PIPED = 80
COLOURS = {"met": "green", "missed": "red", "undecided": "yellow"}


def make_console(folds: bool = False, markup: bool = False) -> Console:
    """What coloured lines are printed on, without colours where NO_COLOR is set; for tables it ``folds``.
    Texts are read as rich's ``markup`` only for those who escape what others wrote."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=not folds, emoji=False, markup=markup)


def print_json(value: Any) -> None:
    """A value as JSON on standard output."""
    from sdesim.io.files import to_json

    print(to_json(value), end="")


def columns() -> int | None:
    """Characters a line of the terminal holds; None without one.

    A pager or a filter shows what it is given on the terminal that messages go to.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream.isatty():
            with suppress(OSError, ValueError):
                return int(os.environ.get("COLUMNS") or os.get_terminal_size(stream.fileno()).columns)
    return None


def folded(text: str, indent: int = 0, piped: int | None = None) -> list[str]:
    """A text in lines that fit beside an indentation, broken between words alone; [""] for none.

    Where standard output is no terminal they have as many characters as `piped` says, None: all.
    """
    width = columns() or piped
    if width is None:
        return [text]
    room = max(_NARROWEST, width - indent)
    return textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]


def print_rows(rows: Sequence[tuple[str, str]], indent: int = 0) -> None:
    """Names and texts in two columns."""
    widest = max((len(name) for name, _ in rows), default=0)
    first = indent + widest + 2
    for name, text in ((for_terminal(name), lines_for_terminal(text)) for name, text in rows):
        lines = folded(text, first, _PIPED)
        print(f"{' ' * indent}{name:<{widest}}  {lines[0]}".rstrip())
        for line in lines[1:]:
            print(" " * first + line)


def print_folded(text: str) -> None:
    """A paragraph to read."""
    for line in folded(lines_for_terminal(text), piped=_PIPED):
        print(line)


def say(console: Console, text: str, style: str = "", label: str = "", label_style: str = "") -> None:
    """A text in a style, behind a label in its own; its further lines stand under its first. Whatever they
    hold, nothing but printable characters reaches the terminal."""
    from rich.text import Text

    label = for_terminal(label)
    lines = folded(lines_for_terminal(text), len(label))
    console.print(Text.assemble((label, label_style or style), (lines[0], style)))
    for line in lines[1:]:
        console.print(Text(" " * len(label) + line, style))


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns beneath their heads; those that don't fit follow below, beside the first one again."""
    heads, rows = [*map(for_terminal, heads)], [[*map(for_terminal, row)] for row in rows]
    width, sizes = columns(), [max(len(row[k]) for row in (heads, *rows)) for k in range(len(heads))]
    left = list(range(1, len(heads)))
    while left:
        shown, used = [0], sizes[0]
        while left and (width is None or len(shown) == 1 or used + 2 + sizes[left[0]] <= width):
            used += 2 + sizes[left[0]]
            shown.append(left.pop(0))
        for row in (heads, *rows):
            if row is heads or any(row[k] for k in shown[1:]):
                print("  ".join(f"{row[k]:<{sizes[k]}}" for k in shown).rstrip())
        if left:
            print()


def interval(value: Any, low: Any, high: Any, digits: int = 4) -> str:
    """ "0.5 [0.4, 0.6]", without brackets where there is no interval."""

    def number(x: Any) -> str:
        return "–" if x is None or x != x else x if isinstance(x, str) else f"{x:.{digits}g}"

    return number(value) if low is None or low != low else f"{number(value)} [{number(low)}, {number(high)}]"


def spent(seconds: float) -> str:
    """A time as people say it: "0.4 s", "20 s", "3 min", "2 h"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
