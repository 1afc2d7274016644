"""Text that others wrote does nothing on any medium that shows it."""

from __future__ import annotations

import base64
import csv
import hashlib
import html
import io
import re
from xml.etree import ElementTree

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


def test_a_cell_can_be_written_whatever_its_letters():
    assert for_cell("=a\ud800").encode("utf-8") == b"'=a\\ud800"


@pytest.mark.parametrize("value", ["-1.5", "+1e-3", "-inf", "a=1", "", -1.5, None, True])
def test_numbers_and_plain_text_stay_as_they_are(value):
    assert for_cell(value) == value


WELLS = r"""
name: hostile
description: "\e]0;owned\a <script>alert(1)</script> [bold]x[/bold] \u202e"
arms:
  a:
    simulate:
      surface: {kind: wells, points: [-1, 0, 1], heights: [0, 1, 0.1], names: ["$\\frac{$", "=1+1\e[31m<b>"]}
      noise: [{kind: gaussian, diffusion: 0.3}]
      events: [{kind: occupancy}]
      dt: 0.01
      steps: 200
      save_every: 100
      save: loss
      trajectories: 2
expect: [{arm: a, quantity: "occupancy.$\\frac{$", above: 0, why: "=1 \e[31m <b>\r"}]
"""


def test_what_a_scenario_says_reaches_no_output_as_anything_but_text(tmp_path, capsys):
    from sdesim.commands.outcome import print_outcome
    from sdesim.commands.printing import print_json
    from sdesim.commands.show import _show_summary
    from sdesim.scenario import parse_scenario, run_scenario

    summary = run_scenario(parse_scenario(WELLS), tmp_path / "out")
    print_outcome(summary, tmp_path / "out", verbose=True)
    _show_summary(summary, tmp_path / "out", verbose=True)
    print_json(summary)

    told = capsys.readouterr().out
    assert all(line.isprintable() for line in told.split("\n"))
    assert "\\x1b]0;owned\\x07" in told
    assert "[bold]x[/bold]" in told
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert all(line.isprintable() for line in page.split("\n"))
    assert "<script>alert" not in page
    assert "<b>" not in page.replace('<th scope="col"><b>', "")
    figures = tmp_path / "out" / "figures"
    picture = (figures / "occupancy.svg").read_text(encoding="utf-8")
    shown = [text.text for text in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]
    assert {"$\\frac{$", "=1+1\\x1b[31m<b>"} <= set(shown)
    for file in figures.glob("*.csv"):
        with file.open(newline="", encoding="utf-8") as lines:
            assert not any(cell.startswith(("=", "@", "+")) for row in csv.reader(lines) for cell in row)


def test_a_page_may_load_nothing_and_run_no_script_but_its_own():
    from sdesim.report.page import environment

    pages = environment()
    script = pages.get_template("matrix.js.j2").render()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()

    policy = html.unescape(pages.from_string("{{ policy }}").render())

    assert policy.split("; ")[:2] == ["default-src 'none'", f"script-src 'sha256-{digest}'"]
    for name in ("page.html.j2", "sweep.html.j2"):
        source = pages.loader.get_source(pages, name)[0]
        # Before anything that it is for.
        assert re.search(r"<head>\n.*\n<meta http-equiv=\"Content-Security-Policy\"", source)
    # What stands between the tags is what was counted, to the byte.
    assert (
        '<script>{% include "matrix.js.j2" %}</script>' in pages.loader.get_source(pages, "matrix.html.j2")[0]
    )
