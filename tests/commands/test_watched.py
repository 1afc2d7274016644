"""A watched training in the terminal: in progress, interrupted, and when it has ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from sdesim.commands.watched import look_at_training
from sdesim.runs import RunWriter
from sdesim.sinks import FolderSink
from tests.commands.calling import call
from tests.sinks.rows import measured


@pytest.fixture
def sink(tmp_path):
    """The folder of a training in progress, which is this process."""
    sink = FolderSink(tmp_path / "x")
    for step in range(10, 60, 10):
        sink.write(measured(step, batch_size=128, C_1=(1 / 41, 1 / 52, 1 / 33), flags=("clipped",)))
    yield sink
    sink.close()


def test_a_training_in_progress_shows_what_to_change_and_its_readings(sink, tmp_path, capsys, monkeypatch):
    file = tmp_path / "x" / "readings.jsonl"
    began = json.loads(file.read_text().splitlines()[0])["session"]["began"]
    os.utime(file, (began, began + 10))
    state = look_at_training(tmp_path / "x")
    assert (state["state"], state["step"], state["readings"]) == ("running", 50, 5)
    assert state["rate"] == pytest.approx(5, rel=1e-3)

    for width in (50, 80, 120):
        monkeypatch.setenv("COLUMNS", str(width))
        assert call("watch", str(tmp_path / "x"), "--once") == 0
        printed = capsys.readouterr().out
        assert printed.startswith("running, ")
        assert "step 50, 5 readings" in printed
        assert "Batch size could be halved: B_crit = 41 [33, 52]" in " ".join(printed.split())
        assert "0.5 [0.25, 1]" in printed
        assert "Flagged: clipped" in printed
        assert max(map(len, printed.splitlines())) <= width

    assert call("watch", str(tmp_path / "x"), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["last"]["C_alpha"] == 0.5
    assert "history" not in found


def test_an_ended_training_is_finished_and_one_whose_process_is_gone_interrupted(sink, tmp_path, capsys):
    sink.close()
    assert call("watch", str(tmp_path / "x")) == 0
    assert call("show", str(tmp_path / "x")) == 0
    printed = capsys.readouterr().out
    assert printed.count("finished, ") == 2

    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    file = tmp_path / "x" / "readings.jsonl"
    text = file.read_text().replace(f'"pid": {os.getpid()}', f'"pid": {gone.pid}')
    file.write_text("".join(line for line in text.splitlines(keepends=True) if '"ended"' not in line))
    assert call("watch", str(tmp_path / "x")) == 3
    assert "its process has ended; what it read is kept" in capsys.readouterr().out
    assert call("show", str(tmp_path / "x"), "--json") == 0
    assert json.loads(capsys.readouterr().out)["state"] == "interrupted"


def test_a_folder_without_a_reading_yet_is_told(tmp_path, capsys):
    FolderSink(tmp_path / "x").close()
    assert call("watch", str(tmp_path / "x")) == 2
    assert "holds no measurement yet" in capsys.readouterr().err


def test_a_report_of_a_training_that_goes_on_is_written_in_its_folder(sink, tmp_path, capsys):
    assert call("report", str(tmp_path / "x")) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "x" / "report.html")
    page = (tmp_path / "x" / "report.html").read_text(encoding="utf-8")
    assert "<h1>Batch size could be halved: B_crit = 41 [33, 52], you use 128 (flagged: clipped)." in page


def test_a_recorded_training_is_shown_as_a_watched_one_and_whole_when_asked(tmp_path, capsys):
    writer = RunWriter(
        kind="real", trajectories=2, steps=[0, 10], time=[0.0, 1.0], dim=3,
        variables=["loss", "signal", "noise", "gradient_samples", "step_size"],
        probe_steps=[0, 10], probe_time=[0.0, 1.0], samples=8, out=tmp_path / "x.zarr",
        attrs={"name": "x", "seed": 0, "batch_size": 16, "learning_rate": 0.1},
    )  # fmt: skip
    values = {"loss": 0.25, "signal": 0.5, "noise": 2.0, "gradient_samples": 8, "step_size": 0.1}
    for name, value in values.items():
        writer.write(name, [[value] * 2] * 2)
    writer.finish()

    assert call("show", str(tmp_path / "x.zarr")) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("step 10, 2 readings, the first of 2 trajectories")
    # |ḡ|² − Tr Σ/n of 8 draws.
    assert "0.25" in printed.partition("signal |μ|²")[2].splitlines()[0]
    assert call("show", str(tmp_path / "x.zarr"), "--verbose") == 0
    assert "<xarray.Dataset>" in capsys.readouterr().out
