"""The verbs that only read: show, report."""

from __future__ import annotations

import json

from tests.commands.calling import call


def test_show_prints_arms_and_end_values_of_a_run(toy, capsys):
    call("run", "toy.yaml", "--quiet")

    assert call("show", "runs/toy") == 0
    printed = capsys.readouterr().out
    assert "4 finished" in printed
    assert "weight_norm" in printed
    assert call("show", "runs/toy/sde.zarr", "--json") == 0
    assert json.loads(capsys.readouterr().out)["sizes"]["trajectory"] == 4


def test_show_names_the_arms_of_an_unfinished_run(toy, capsys):
    call("run", "toy.yaml", "--quiet")
    (toy / "runs" / "toy" / "summary.json").unlink()

    assert call("show", "runs/toy") == 0
    assert "sde: whole" in capsys.readouterr().out


def test_a_damaged_summary_is_bad_input(toy, capsys):
    call("run", "toy.yaml", "--quiet")
    for garbage in ('{"name": 1', "", "[]", "null", '{"name": 1}', '{"arms": 3, "seed": 1, "name": "x"}'):
        (toy / "runs" / "toy" / "summary.json").write_text(garbage)
        for verb in ("show", "report"):
            assert call(verb, "runs/toy") == 2
            told = capsys.readouterr().err
            assert "summary.json" in told
            assert told.count("\n") == 1


def test_report_writes_the_page_again(toy, capsys):
    call("run", "toy.yaml", "--quiet")
    (toy / "runs" / "toy" / "report.html").unlink()

    assert call("report", "runs/toy") == 0
    assert (toy / "runs" / "toy" / "report.html").exists()


def test_show_begins_with_the_answer_s_values_and_prints_verdicts_when_asked(toy, capsys):
    call("run", "toy.yaml", "--quiet")

    call("show", "runs/toy")
    short = capsys.readouterr().out
    call("show", "runs/toy", "-v")
    long = capsys.readouterr().out
    assert "Expectations: 1 of 1 met" in short
    assert "met        sde: loss below 100" in long
    assert "met        sde" not in short


def test_show_has_exit_times_and_the_bound_where_nobody_left(toy, capsys):
    text = (toy / "toy.yaml").read_text(encoding="utf-8")
    text = text.replace(
        "      trajectories: 4", "      trajectories: 4\n      events: [{kind: exit, upper: 50}]"
    )
    (toy / "leaves.yaml").write_text(text, encoding="utf-8")
    call("run", "leaves.yaml", "--quiet", "--out", "x")
    capsys.readouterr()

    call("show", "x")

    printed = capsys.readouterr().out
    assert "Over the run [interval]" in printed
    # 20 steps of 0.1; a bowl is not left at 50 of its standard deviations and more.
    assert any(line.split() == ["exit_time.mean", "above", "2"] for line in printed.splitlines())
