"""The verb sweep of the command line."""

from __future__ import annotations

import json
from pathlib import Path

from sdesim.commands.options import MISSED, OK
from tests.commands.calling import call
from tests.scenario.sweep.toy import TOY


def test_the_command_line_sweeps_resumes_shows_and_draws_anew(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("toy.yaml").write_text(TOY)

    assert call("sweep", "toy.yaml", "--out", "x", "--only", "dt=0.05", "--only", "diffusion=0.1", "-q") == OK
    assert capsys.readouterr().out == ""
    assert Path("x/INCOMPLETE").exists()
    assert call("sweep", "toy.yaml", "--out", "x", "--resume", "--only", "dt=0.05", "--json") == OK
    states = [p["state"] for p in json.loads(capsys.readouterr().out)["points"]]
    assert states == ["finished", "not run", "finished", "not run"]
    assert call("sweep", "toy.yaml", "--out", "x", "--resume", "--only", "dt=0.05") == OK
    told = capsys.readouterr().err
    assert "x holds all of these points already; there is nothing to run" in told
    assert "takes up to" not in told
    assert call("show", "x") == OK
    assert "2 of 4 points of diffusion (2) × dt (2)" in capsys.readouterr().out
    Path("x/report.html").unlink()
    assert call("report", "x") == OK
    assert Path("x/report.html").exists()
    assert call("validate", "toy.yaml", "--set", "sweep={arms.sde.simulate.dt: [0]}") == 2
    assert "arms.sde.simulate.dt" in capsys.readouterr().err
    assert call("validate", "toy.yaml", "--time", "--workers", "2", "--cluster", "1") == OK
    told = capsys.readouterr().out
    assert "of disk, about " in told
    assert "its sweep of 4 points takes up to" in told
    assert told.splitlines()[-1].rpartition(", about ")[2].endswith(" s")
    missed = ("--set", "expect[0].below=-1", "--set", "sweep={arms.sde.simulate.dt: [0.1]}")
    assert call("sweep", "toy.yaml", "--out", "y", "--force", *missed) == MISSED
    told = capsys.readouterr()
    assert "expectations missed at: dt=0.1" in told.out
    assert "sdesim: toy, 1 point, takes up to " in told.err
    assert "sdesim: toy, 1 point, about " in told.err
