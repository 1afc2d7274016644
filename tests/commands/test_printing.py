"""How the verbs print: lines break between words, columns that don't fit follow below."""

from __future__ import annotations

import io
import sys

import pytest

from sdesim.commands.printing import columns, folded, interval, make_console, print_table, say, spent


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setattr("sdesim.commands.printing.columns", lambda: 40)


def test_a_file_gets_whole_lines():
    text = "alpha-stable noise " * 20

    assert folded(text) == [text]


def test_a_filter_gets_lines_for_the_terminal_that_messages_go_to(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("COLUMNS", "50")
    assert columns() is None

    monkeypatch.setattr(sys, "stderr", Terminal())
    assert columns() == 50


def test_lines_break_between_words_alone(narrow):
    text = "sde-isotropic differs from sgd in 3 of 10 quantities, a-word-that-is-longer-than-the-line-is"

    lines = folded(text, indent=4)

    assert " ".join(lines) == text
    assert all(len(line) <= 36 for line in lines[:-1])


def test_further_lines_stand_under_the_first(narrow, capsys):
    say(make_console(), "one two three four five six seven eight", label="label: ")

    assert capsys.readouterr().out.splitlines() == [
        "label: one two three four five six seven",
        "       eight",
    ]


def test_columns_that_do_not_fit_follow_below_with_the_first_again(narrow, capsys):
    rows = [["loss", "1" * 15, "2" * 15, "3" * 15], ["p", "", "", "4"]]

    print_table(["", "a", "b", "c"], rows)

    assert capsys.readouterr().out.splitlines() == [
        "      a                b",
        "loss  111111111111111  222222222222222",
        "",
        "      c",
        "loss  333333333333333",
        "p     4",
    ]


def test_numbers_in_words():
    assert interval(0.5, 0.4, 0.6) == "0.5 [0.4, 0.6]"
    assert interval(0.5, None, None) == "0.5"
    assert interval(None, None, None) == "–"
    assert [spent(s) for s in (0.42, 20.4, 150, 5400, 7200)] == ["0.4 s", "20 s", "2 min", "90 min", "2.0 h"]


def test_no_color_leaves_the_text_alone(monkeypatch, capsys):
    for name, coloured in (("0", True), ("1", False)):
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("NO_COLOR", "1") if name == "1" else monkeypatch.delenv("NO_COLOR", raising=False)
        say(make_console(), "missed", "red")
        assert ("\x1b[31m" in capsys.readouterr().out) == coloured
