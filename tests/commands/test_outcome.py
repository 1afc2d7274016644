"""What a run is said to have come to: the answer, the expectations, the report."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdesim.commands.outcome import print_outcome, sentence

EXPECTED = {
    "arm": "sgd", "quantity": "loss", "at": "end", "condition": "below 1", "value": 0.5, "low": 0.4,
    "high": 0.6, "outcome": "met", "why": "it has learned",
}  # fmt: skip


@pytest.fixture
def summary():
    return {
        "name": "toy", "quick": False, "arms": {"sgd": {}, "sde": {}}, "comparisons": [], "warnings": [],
        "expectations": [EXPECTED, {**EXPECTED, "quantity": "S", "outcome": "undecided"}], "wall_time": 41.3,
        "headline": {"sentence": "The SDE imitates SGD.", "evidence": ["In 9 of 10 quantities."]},
    }  # fmt: skip


def printed(capsys, *arguments, **settings):
    print_outcome(*arguments, Path("runs/toy"), **settings)
    return capsys.readouterr().out.splitlines()


def test_three_lines_are_the_answer_the_expectations_and_the_report(summary, capsys):
    assert printed(capsys, summary) == [
        "The SDE imitates SGD.",
        "Expectations: 1 of 2 met, 1 undecided",
        "Report: runs/toy/report.html (41 s)",
    ]


def test_what_was_missed_and_what_was_warned_of_is_never_left_out(summary, capsys):
    summary["expectations"].append({**EXPECTED, "arm": "sde", "outcome": "missed"})
    summary["warnings"].append("sde: 2 of 4 trajectories blew up")

    lines = printed(capsys, summary)
    assert "  missed     sde: loss below 1, found 0.5 [0.4, 0.6] (it has learned)" in lines
    assert "warning: sde: 2 of 4 trajectories blew up" in lines
    assert not any("undecided  " in line for line in lines)


def test_what_strict_counts_as_missed_is_shown_with_it(summary, capsys):
    assert any(
        line.startswith("  undecided  sgd: S below 1") for line in printed(capsys, summary, strict=True)
    )


def test_without_an_answer_the_summary_says_how_many_quantities_differ(summary):
    del summary["headline"]
    assert sentence(summary) == "toy: 2 arms, sgd, sde"

    outcomes = {name: {"outcome": o} for name, o in (("C", "differs"), ("p", "differs"), ("S", "undecided"))}
    summary["comparisons"] = [{"simulated": "sde", "real": "sgd", "quantities": outcomes}]
    assert sentence(summary) == "sde differs from sgd in 2 of 3 quantities"
