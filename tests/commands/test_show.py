"""The verbs that only read: show, list, report, schema."""

from __future__ import annotations

import json
from pathlib import Path

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
    (toy / "runs" / "toy" / "summary.json").write_text('{"name": 1')

    assert call("show", "runs/toy") == 2
    assert "is not the summary of a run" in capsys.readouterr().err


def test_report_writes_the_page_again(toy, capsys):
    call("run", "toy.yaml", "--quiet")
    (toy / "runs" / "toy" / "report.html").unlink()

    assert call("report", "runs/toy") == 0
    assert (toy / "runs" / "toy" / "report.html").exists()


def test_list_names_shipped_scenarios_and_runs(toy, capsys):
    call("run", "toy.yaml", "--quiet")

    assert call("list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"quickstart", "double-well-escape", "flat-vs-sharp"} <= {s["name"] for s in listed["scenarios"]}
    assert listed["runs"] == [{"directory": str(Path("runs") / "toy"), "complete": True}]


def test_the_json_schema_describes_every_field_of_a_scenario(capsys):
    assert call("schema") == 0
    schema = json.loads(capsys.readouterr().out)
    assert {"name", "arms", "probes", "compare", "expect", "quick"} <= set(schema["properties"])
    assert schema["additionalProperties"] is False

    assert call("schema", "--run") == 0
    assert "theta" in json.loads(capsys.readouterr().out)["variables"]
