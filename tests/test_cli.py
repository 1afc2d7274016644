"""The command line: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import sdesim
from sdesim import cli

TOY = """\
name: toy
description: A bowl.
arms:
  sde:
    simulate:
      surface: {kind: quadratic, eigenvalues: [1]}
      noise: [{kind: gaussian, diffusion: 0.1}]
      dt: 0.1
      steps: 20
      trajectories: 4
expect:
  - {arm: sde, quantity: loss, below: 100}
quick:
  arms.sde.simulate.steps: 4
"""


@pytest.fixture
def toy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy.yaml").write_text(TOY)
    return tmp_path


def call(*arguments: str) -> int:
    """The exit code of one command line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["sdesim", *arguments])
        with pytest.raises(SystemExit) as stop:
            cli.main()
    return int(stop.value.code or 0)


def modules_after(*arguments: str) -> set[str]:
    code = (
        "import sys\nfrom sdesim import cli\n"
        f"sys.argv = ['sdesim', *{arguments!r}]\n"
        "try:\n    cli.main()\nexcept SystemExit:\n    pass\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(result.stderr.split())


def test_help_loads_no_heavy_library():
    heavy = {"torch", "matplotlib", "numba", "scipy", "numpy", "xarray", "zarr", "pydantic", "sklearn"}

    assert not heavy & modules_after("--help")


def test_listing_and_validating_need_no_torch():
    assert not {"torch", "matplotlib"} & modules_after("list")
    assert not {"torch", "matplotlib"} & modules_after("validate", "quickstart")


def test_a_run_makes_a_directory_named_after_the_scenario(toy, capsys):
    assert call("run", "toy.yaml") == 0

    printed = capsys.readouterr().out
    assert "met" in printed
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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "nowhere.yaml"), "nowhere.yaml: no such file"),
        (("run", "quickstrt"), "did you mean 'quickstart'?"),
        (("run", "toy.yaml", "--set", "arms.sde.simulate.stepz=1"), "unknown field, did you mean 'steps'?"),
        (("run", "toy.yaml", "--set", "steps"), "--set: found 'steps', allowed: PATH=VALUE"),
        (("run", "toy.yaml", "toy.yaml"), "same name"),
        (("run", "toy.yaml", "quickstart", "--out", "x"), "--out names one run directory"),
        (("run", "toy.yaml", "--threads", "0"), "threads"),
        (("run", "toy.yaml", "--out", "toy.yaml"), "toy.yaml exists already"),
        (("run", "toy.yaml", "--out", ".", "--overwrite"), ". is not a run directory"),
        (("run", "toy.yaml", "--frobnicate"), "No such option"),
        (("frobnicate",), "No such command"),
        (("run",), "Missing argument"),
        (("show", "nowhere"), "no run at nowhere"),
        (("compare", "a:b", "c"), "no run at"),
        (("report", "."), "not a finished run directory"),
    ],
)
def test_bad_input_is_one_line_on_stderr_and_exit_code_2_and_nothing_is_written(
    toy, capsys, arguments, message
):
    assert call(*arguments) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert sorted(p.name for p in toy.iterdir()) == ["toy.yaml"]


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


def test_version_is_that_of_the_package(capsys):
    assert call("version") == 0
    assert capsys.readouterr().out.strip() == sdesim.__version__


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_is_exit_code_3_and_leaves_the_directory_marked(toy):
    # A shell that runs the tests in the background has its children ignore Ctrl-C.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", f"{heed}; from sdesim.cli import main; main()"]
    endless = ["run", "toy.yaml", "--out", "x", "--set", "arms.sde.simulate.steps=8_000_000_000"]
    with subprocess.Popen([*command, *endless], cwd=toy, stderr=subprocess.PIPE, text=True) as process:
        # The arm's store appears when the stepping is about to begin.
        deadline = time.monotonic() + 60
        while not (toy / "x" / "sde.zarr" / "zarr.json").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        try:
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()

    assert process.returncode == 3
    assert len(err.strip().splitlines()) == 1
    assert (toy / "x" / "INCOMPLETE").exists()
