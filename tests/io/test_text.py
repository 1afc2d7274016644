"""Text that others wrote does nothing on any medium that shows it."""

from __future__ import annotations

import csv
import io

import pytest

from sdesim.io.text import clipped, for_cell, for_figure, for_html, for_terminal, lines_for_terminal

HOSTILE = [
    "\x1b]0;title\x07",
    "a\rb",
    "a\nb",
    "\u202eabc",
    "\ud800",
    "\x9b31m",
    "\u2028",
    "\x00",
    "$\\frac{$",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_line_for_the_terminal_is_printable_and_stays_so(text):
    found = for_terminal(text)

    assert found.isprintable()
    assert for_terminal(found) == found


def test_escapes_are_those_that_python_reads():
    assert for_terminal("a\x1b[31m\n\ud800\u202e") == r"a\x1b[31m\n\ud800\u202e"
    assert for_terminal("Lévy α ≤ 2 [bold]") == "Lévy α ≤ 2 [bold]"
    assert lines_for_terminal("a\x1b\nb\r") == "a\\x1b\nb\\r"


def test_a_long_line_keeps_its_place_and_what_is_allowed():
    line = clipped("file.yaml:3: " + "x" * 50_000 + ", allowed: a, b")

    assert len(line) == 300
    assert line.startswith("file.yaml:3: x")
    assert line.endswith("x, allowed: a, b")
    assert clipped("x" * 300) == "x" * 300


def test_html_holds_no_tag_no_quote_and_no_escape_code():
    assert for_html("<b a='1' c=\"2\">&\x1b") == "&lt;b a=&#x27;1&#x27; c=&quot;2&quot;&gt;&amp;\\x1b"


@pytest.mark.parametrize("text", ["$\\frac{$", "\\$a$", "$$", "$a$ \\", "100 $ and 5 $", "\\\\$x$"])
def test_text_of_a_figure_is_drawn_as_it_is_and_never_read_as_mathematics(text):
    from matplotlib import cbook
    from matplotlib.text import Text

    # matplotlib's own decision, and what it draws then.
    shown, mathematics = Text(text=for_figure(text))._preprocess_math(for_figure(text))

    assert mathematics is False
    assert not cbook.is_math_text(for_figure(text))
    assert shown == text


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1+1", "-a", "@SUM(1)", "\t=1", "\r=1", "＝1"])
def test_no_cell_is_a_formula_for_a_spreadsheet(text):
    out = io.StringIO()
    csv.writer(out).writerow([for_cell(text)])

    assert next(csv.reader(io.StringIO(out.getvalue(), newline=""))) == [f"'{text}"]


@pytest.mark.parametrize("value", ["-1.5", "+1e-3", "-inf", "a=1", "", -1.5, None, True])
def test_numbers_and_plain_text_stay_as_they_are(value):
    assert for_cell(value) == value
