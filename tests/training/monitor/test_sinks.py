"""Where a monitor's measurements go."""

from __future__ import annotations

import csv
from types import SimpleNamespace

import torch

from sdesim.training import (
    CsvSink,
    Measurement,
    TensorBoardSink,
)
from tests.training.monitor.watched import train


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
