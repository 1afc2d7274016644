"""The verbs run and validate: what they print, where, and with which exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sdesim.io.places import place
from tests.commands.calling import TOY, call


def test_a_run_makes_a_directory_named_after_the_scenario(toy, capsys):
    assert call("run", "toy.yaml") == 0

    printed = capsys.readouterr().out
    assert "met" in printed
    assert len(printed.splitlines()) == 3
    assert str(Path("runs") / "toy" / "report.html") in printed
    assert (toy / "runs" / "toy" / "summary.json").exists()
    assert not (toy / "runs" / "toy" / "INCOMPLETE").exists()


def test_a_missed_expectation_is_exit_code_1(toy, capsys):
    assert call("run", "toy.yaml", "--set", "expect[0].below=-1", "--out", "x") == 1

    assert "missed" in capsys.readouterr().out


def test_an_undecided_expectation_is_exit_code_1_only_when_strict(toy, capsys):
    # The interval of the mean loss at D = 0.1 spans any bound near D/2 with four trajectories.
    undecided = ("--set", "expect[0]={arm: sde, quantity: loss, near: 0.03, tolerance: 0.0}")

    assert call("run", "toy.yaml", *undecided, "--out", "x") == 0
    assert "undecided" in capsys.readouterr().out
    assert call("run", "toy.yaml", *undecided, "--out", "y", "--strict") == 1


def test_json_is_the_summary_and_nothing_else(toy, capsys):
    assert call("run", "toy.yaml", "--json", "--quick") == 0

    summary = json.loads(capsys.readouterr().out)
    assert summary["quick"] is True
    assert summary["arms"]["sde"]["steps"] == 4
    assert summary["directory"] == str(Path("runs") / "toy")


def test_quiet_prints_nothing(toy, capsys):
    assert call("run", "toy.yaml", "--quiet") == 0

    assert capsys.readouterr() == ("", "")


def test_an_earlier_run_is_not_replaced_without_being_told(toy, capsys):
    assert call("run", "toy.yaml", "--quiet") == 0

    assert call("run", "toy.yaml") == 2
    assert "give --overwrite" in capsys.readouterr().err
    assert call("run", "toy.yaml", "--overwrite", "--quiet") == 0


def test_validate_checks_the_small_sizes_too(toy, capsys):
    assert call("validate", "toy.yaml") == 0
    assert "toy.yaml: valid (sde)" in capsys.readouterr().out

    (toy / "toy.yaml").write_text(TOY.replace("quick:\n  arms.sde.", "quick:\n  arms.sdf."))
    assert call("validate", "toy.yaml") == 2
    assert "toy.yaml:14: arms.sdf: not there, did you mean 'sde'?" in capsys.readouterr().err


def test_validate_tells_what_is_wrong_in_every_file_and_in_both_of_its_forms(toy, capsys):
    wrong = TOY.replace("quick:\n  arms.sde.", "quick:\n  arms.sdf.").replace("dt: 0.1", "dt: -1")
    (toy / "toy.yaml").write_text(wrong)
    (toy / "other.yaml").write_text("name: [")

    assert call("validate", "toy.yaml", "other.yaml") == 2

    told = capsys.readouterr().err.splitlines()
    assert [line.removeprefix("sdesim: ").split(": ")[0] for line in told] == [
        "toy.yaml:8", "toy.yaml:14", "other.yaml:1"
    ]  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_is_exit_code_3_and_a_line_that_says_how_to_go_on(toy, how):
    # A shell that runs the tests in the background has its children ignore Ctrl-C.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", f"{heed}; from sdesim.cli import main; main()"]
    endless = ["run", "toy.yaml", "--out", "my x", "--set", "arms.sde.simulate.steps=8_000_000_000"]
    with subprocess.Popen([*command, *endless], cwd=toy, stderr=subprocess.PIPE, text=True) as process:
        # The arm's store appears when the stepping is about to begin.
        deadline = time.monotonic() + 60
        while not (toy / "my x" / "sde.zarr" / "zarr.json").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(how)
        try:
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()

    assert process.returncode == 3
    told, long, last = err.splitlines()
    assert told.startswith("sdesim: toy takes up to ")
    assert long.startswith("sdesim: toy: about ")
    assert last == "sdesim: interrupted; sdesim resume 'my x' goes on with it"
    assert (toy / "my x" / "INCOMPLETE").exists()


def test_a_finished_run_leaves_nothing_to_resume(toy, capsys):
    assert call("run", "toy.yaml", "--out", "x\x1b[31m", "--quiet") == 0
    assert call("resume", "x\x1b[31m") == 0
    assert capsys.readouterr().err == "sdesim: x\\x1b[31m is finished; there is nothing to do\n"


def test_what_other_runs_tell_of_a_file_names_the_field(toy, capsys):
    assert call("run", "toy.yaml", "--out", "first", "--quiet") == 0

    onward = ("--set", "arms.sde.simulate.continue_from=first", "--set", "arms.sde.simulate.noise=[]")
    assert call("run", "toy.yaml", "--out", "later", *onward) == 2
    found = "--set arms.sde.simulate.noise: found none, allowed: Gaussian, as the run which is continued"
    assert found in capsys.readouterr().err
    assert not (toy / "later").exists()


def test_a_run_at_a_url_is_made_shown_and_finished_as_one_in_a_folder_and_others_refuse_one(toy, capsys):
    url = "memory://commands/toy"
    place(url).remove_tree()
    assert call("run", "toy.yaml", "--out", url) == 0
    assert f"{url}/report.html" in capsys.readouterr().out
    assert call("run", "toy.yaml", "--out", url) == 2
    assert f"{url} exists already" in capsys.readouterr().err
    (place(url) / "INCOMPLETE").write_bytes(b"")
    (place(url) / "summary.json").unlink()

    assert call("resume", url) == 0
    assert call("show", url) == 0
    assert call("report", url) == 0
    assert sorted(p.name for p in place(url).iterdir()) == [
        "figures", "provenance.json", "report.html", "scenario.yaml", "sde.zarr", "summary.json",
    ]  # fmt: skip
    capsys.readouterr()
    assert call("run", "toy.yaml", "--out", "s4://a/b") == 2
    assert "Protocol not known" in capsys.readouterr().err
    axes = ("--set", "sweep={seed: [1, 2]}")
    assert call("sweep", "toy.yaml", *axes, "--out", "s3://a/b") == 2
    assert "allowed: a path of this machine" in capsys.readouterr().err
    assert not list(toy.glob("s3*"))
    place(url).remove_tree()
