"""The verb rerun: its lines and exit codes."""

from __future__ import annotations

from pathlib import Path

from sdesim.io.files import read_json, write_record
from sdesim.runs.provenance import mark_of
from tests.commands.calling import call


def test_a_run_is_checked_where_it_was_made_and_elsewhere(toy, capsys):
    run = Path("runs") / "toy"
    assert call("run", "toy.yaml", "--quiet", "--set", "arms.sde.simulate.steps=4") == 0

    assert call("rerun", str(run), "--check") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Environment: as the run notes it: every bit must be the same"
    assert lines[1].startswith("sde: ")
    assert lines[1].endswith(" variables with the same bits")
    assert len(lines) == 2

    # A run of another machine, with another seed: of what differs each variable is told.
    file = run / "scenario.yaml"
    file.write_text(file.read_text().replace("seed: 0", "seed: 1"))
    noted = {**read_json(run / "provenance.json"), **mark_of(file.read_text())}
    noted["versions"]["numba"] = "0.1"
    write_record(run / "provenance.json", noted)
    assert call("rerun", str(run), "--check") == 1
    printed = capsys.readouterr().out
    assert "(then 0.1): up to 1e-06 of the largest value counts as the same" in printed
    assert "  theta: differs: by " in printed
    assert "first at trajectory 0, step 1" in printed
    assert sorted(p.name for p in (toy / "runs").iterdir()) == ["toy"]


def test_what_is_no_run_is_refused(toy, capsys):
    assert call("rerun", "nothing", "--check") == 2

    assert "is not a run directory, so there is nothing to run again" in capsys.readouterr().err
