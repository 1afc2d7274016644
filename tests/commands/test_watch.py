"""The verb watch: what a directory that is being written says of itself."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest

from sdesim.commands.watch import look
from sdesim.runs import measure, open_run
from tests.commands.calling import call


@pytest.fixture
def begun(toy):
    """A run directory as it is while its arm is half done; what writes it is this process."""
    call("run", "toy.yaml", "--quiet", "--out", "x")
    (toy / "x" / "summary.json").unlink()
    (toy / "x" / "INCOMPLETE").touch()
    label = {"first": 0, "done": 10, "total": 20, "begun": 1000.0, "seen": 1004.0}
    note(toy, pid=os.getpid(), labels={"sde": label})
    return toy


def note(folder, **changes):
    file = folder / "x" / "progress.json"
    old = json.loads(file.read_text()) if file.exists() else {"host": socket.gethostname()}
    file.write_text(json.dumps({**old, **changes}))


def test_a_running_arm_has_its_rate_and_the_time_left(begun):
    state = look(begun / "x")

    assert state["state"] == "running"
    arm = state["arms"]["sde"]
    # 10 of 20 steps in 4 s.
    assert (arm["state"], arm["rate"], arm["left"]) == ("running", 2.5, 4.0)
    assert arm["loss"] > 0
    # The toy has no probes.
    assert arm["C"] is None


def test_a_run_without_its_process_is_interrupted_and_exit_code_3(begun, capsys):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    note(begun, pid=gone.pid)

    assert call("watch", "x") == 3
    printed = capsys.readouterr().out
    assert "50%" in printed
    assert "sdesim resume x goes on with it" in printed


def test_of_a_process_elsewhere_nothing_is_claimed(begun):
    note(begun, host="elsewhere")

    assert look(begun / "x")["state"] == "unknown"


def test_arms_to_come_wait(begun):
    note(begun, labels={})

    state = look(begun / "x")
    assert {name: arm["state"] for name, arm in state["arms"].items()} == {"sde": "waiting"}


def test_a_finished_run_says_what_it_came_to(toy, capsys):
    call("run", "toy.yaml", "--quiet")

    assert call("watch", "runs/toy") == 0
    assert "Report: runs/toy/report.html" in capsys.readouterr().out
    assert call("watch", "nowhere") == 2
    assert "no run at nowhere" in capsys.readouterr().err
    (toy / "runs" / "toy" / "summary.json").unlink()
    assert call("watch", "runs/toy") == 2
    assert "is not the summary of a run" in capsys.readouterr().err


def test_of_a_run_with_probes_c_of_the_last_one_is_told(toy, capsys):
    text = (toy / "toy.yaml").read_text(encoding="utf-8")
    (toy / "probed.yaml").write_text(text + "probes: {every: 5, samples: 16}\n", encoding="utf-8")
    call("run", "probed.yaml", "--quiet", "--out", "x")
    (toy / "x" / "summary.json").unlink()
    (toy / "x" / "INCOMPLETE").touch()
    label = {"first": 0, "done": 10, "total": 20, "begun": 1000.0, "seen": 1004.0}
    note(toy, pid=os.getpid(), labels={"sde": label})

    found = look(toy / "x")["arms"]["sde"]["C"]

    run = open_run(toy / "x" / "sde.zarr")
    assert found == pytest.approx(np.median(measure(run)["C_alpha"].values[:8, -1]))
    capsys.readouterr()
    assert call("watch", "x", "--once") == 0
    printed = capsys.readouterr().out
    assert f"{found:.4g}" in printed
    assert max(map(len, printed.splitlines())) <= 80
