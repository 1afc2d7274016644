"""Where a monitor's measurements go."""

from __future__ import annotations

import csv
import json
from types import SimpleNamespace

import pytest
import torch

from sdesim.sinks import Csv, JsonLines, MLflow, TensorBoard
from sdesim.training import (
    CsvSink,
    Measurement,
    TensorBoardSink,
)
from tests.training.monitor.watched import train
from tests.training.watching import loops


def test_a_csv_keeps_the_rows_of_an_earlier_monitor(tmp_path):
    path = tmp_path / "log" / "monitor.csv"
    for _ in range(2):
        _, monitor = train("plain", lambda p: torch.optim.SGD(p, lr=0.1), True, sinks=[CsvSink(path)])
        monitor.close()

    rows = list(csv.DictReader(path.open(encoding="utf-8")))

    assert [int(r["step"]) for r in rows] == [m.step for m in monitor.history] * 2
    assert float(rows[0]["C_alpha"]) == monitor.history[0].C_alpha.value


def test_tensorboard_gets_the_numbers_of_each_measurement():
    got, closed = {}, []
    writer = SimpleNamespace(
        add_scalar=lambda tag, value, step: got.setdefault((tag, step), value), close=lambda: closed.append(1)
    )
    sink = TensorBoardSink(writer=writer)

    sink.write(Measurement.of(7, p=(0.4, 0.3, 0.5), loss=1.5))
    sink.close()

    assert got["sdesim/p", 7] == 0.4
    assert got["sdesim/loss", 7] == 1.5
    assert closed


class Full:
    """A sink whose disk is full for a while."""

    def __init__(self):
        self.left, self.steps = 3, []

    def write(self, measurement):
        self.left -= 1
        if self.left >= 0:
            raise OSError(28, "No space left on device")
        self.steps.append(measurement.step)

    def close(self):
        raise RuntimeError("already closed")


def test_sinks_change_no_weight_and_one_that_fails_ends_no_training(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    places = {name: str(tmp_path / name) for name in ("a.csv", "a.jsonl", "board", "folder")}
    full = Full()
    sinks = [
        full, Csv(places["a.csv"]), JsonLines(places["a.jsonl"]), TensorBoard(places["board"]),
        MLflow(f"file:{tmp_path / 'mlruns'}"), places["folder"],
    ]  # fmt: skip
    alone, _ = loops.train(steps=8, watched=False)
    before = torch.get_rng_state()

    with pytest.warns(UserWarning, match="Full: OSError: .*No space left on device; the training goes on"):
        model, monitor = loops.train(steps=8, sinks=sinks)
    monitor.close()

    assert all(torch.equal(a, b) for a, b in zip(alone.parameters(), model.parameters(), strict=True))
    assert torch.equal(before, torch.get_rng_state())
    flagged = ["sinks_failed" in m.flags for m in monitor.history]
    # The first was made before anything failed, and the fourth was taken.
    assert flagged == [False, True, True, True] + [False] * (len(flagged) - 4)
    assert "No space left" in monitor.history[1].reasons["sinks"]
    assert full.steps == [m.step for m in monitor.history[3:]]
    assert "already closed" in monitor.reasons["sinks"]
    written = [json.loads(line)["step"] for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert written == [m.step for m in monitor.history]
    assert (tmp_path / "folder" / "training.zarr" / "zarr.json").exists()
