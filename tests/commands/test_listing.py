"""The verb list: shipped scenarios in groups, a line each, and the runs at hand."""

from __future__ import annotations

import json
from pathlib import Path

from sdesim.shipped import scenario_index
from tests.commands.calling import call


def test_list_names_shipped_scenarios_and_runs(toy, capsys):
    call("run", "toy.yaml", "--quiet")

    assert call("list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"quickstart", "double-well-escape", "flat-vs-sharp"} <= {s["name"] for s in listed["scenarios"]}
    assert listed["runs"] == [{"directory": str(Path("runs") / "toy"), "complete": True}]


def test_every_scenario_has_a_line_of_80_characters_with_its_time_below_its_group(toy, capsys):
    assert call("list") == 0

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    for name, entry in scenario_index().items():
        (line,) = [x for x in lines if x.split()[:1] == [name]]
        assert entry["time"] in line
        assert line.endswith(entry["line"])
        above = lines[: lines.index(line)]
        assert [x for x in above if x and not x.startswith(" ")][-1] == entry["group"]


def test_a_narrow_terminal_gets_whole_words(toy, capsys, monkeypatch):
    monkeypatch.setattr("sdesim.commands.listing.columns", lambda: 60)

    call("list")

    lines = capsys.readouterr().out.splitlines()
    words = {word for e in scenario_index().values() for word in e["line"].split()}
    assert max(map(len, lines)) <= 60
    assert any(line.endswith("…") for line in lines)
    assert all(line.split()[-2] in {*words, "s", "min", "h", "–"} for line in lines if line.endswith("…"))
