"""A monitor beside a training loop."""

from __future__ import annotations

import csv
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from sdesim.errors import RunError
from sdesim.runs import measure
from sdesim.training import (
    CsvSink,
    Measurement,
    Monitor,
    TensorBoardSink,
    TrainerMonitor,
    lightning_monitor,
)
from sdesim.training.monitor.threshold import CrossingDetector

LOSS = nn.CrossEntropyLoss()


class Jittered(Dataset):
    """Examples with augmentation from torch's, NumPy's and Python's global generators."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        shift = torch.randn(()) + np.random.rand() + random.random()  # noqa: NPY002
        return self.x[i] + 0.01 * float(shift), self.y[i]


def examples(n=64):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, 6, generator=generator)
    return x, (x[:, 0] > 0).long()


def network(kind):
    torch.manual_seed(3)
    middle = {"dropout": nn.Dropout(0.3), "norm": nn.BatchNorm1d(8), "plain": nn.Tanh()}[kind]
    return nn.Sequential(nn.Linear(6, 8), middle, nn.Tanh(), nn.Linear(8, 2))


def train(kind, optimizer, monitored, steps=25, data=None, **options):
    x, y = examples()
    model = network(kind)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    loader = DataLoader(data or TensorDataset(x, y), batch_size=8, shuffle=True)
    chosen = optimizer(model.parameters())
    monitor = None
    if monitored:
        options = {"every": 5, "curvature_every": 2, "samples": 4, "announce": None, **options}
        monitor = Monitor(model, LOSS, loader, optimizer=chosen, **options)
    made = 0
    while made < steps:
        for a, b in loader:
            chosen.zero_grad()
            LOSS(model(a), b).backward()
            chosen.step()
            made += 1
            if monitor is not None:
                monitor.step()
    return model, monitor


@pytest.mark.parametrize("kind", ["plain", "dropout", "norm"])
@pytest.mark.parametrize(
    "optimizer", [lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), lambda p: torch.optim.Adam(p, lr=0.01)]
)
@pytest.mark.parametrize("augmented", [False, True])
def test_weights_and_generators_are_the_same_bit_for_bit_with_and_without_a_monitor(
    kind, optimizer, augmented
):
    data = Jittered(*examples()) if augmented else None

    bare, _ = train(kind, optimizer, False, data=data)
    after = torch.rand(3), np.random.rand(), random.random()  # noqa: NPY002
    watched, monitor = train(kind, optimizer, True, data=data)
    also = torch.rand(3), np.random.rand(), random.random()  # noqa: NPY002

    for a, b in zip(bare.state_dict().values(), watched.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    for p, q in zip(bare.parameters(), watched.parameters(), strict=True):
        assert torch.equal(p.grad, q.grad)
    assert torch.equal(after[0], also[0])
    assert after[1:] == also[1:]
    assert watched.training
    assert len(monitor.history) == 7
    # As in record: batch normalisation in training takes one minibatch at a time.
    path = "minibatches" if kind == "norm" else "vmap"
    assert monitor.run().attrs["gradient_path"] == monitor.gradient_path == path


def test_what_a_monitor_says_is_what_measure_says_of_its_run():
    _, monitor = train("plain", lambda p: torch.optim.SGD(p, lr=0.1), True)

    measured = measure(monitor.run())

    for k, m in enumerate(monitor.history):
        assert m.C_alpha.value == measured["C_alpha"].values[0, k]
        assert m.phase_literal == measured["phase_literal"].values[0, k]
    assert monitor.history[0].lambda_max is not None
    assert monitor.history[1].lambda_max is None or np.isnan(monitor.history[1].lambda_max.value)


def test_a_run_on_disk_holds_what_the_run_in_memory_holds(tmp_path):
    _, monitor = train("plain", lambda p: torch.optim.SGD(p, lr=0.1), True)

    kept, stored = monitor.run(), monitor.run(tmp_path / "monitor.zarr")

    np.testing.assert_array_equal(kept["signal"].values, stored["signal"].values)


def test_two_monitors_of_one_seed_measure_the_same_whatever_the_global_generators_did():
    _, first = train("dropout", lambda p: torch.optim.SGD(p, lr=0.1), True)
    model, second = train("dropout", lambda p: torch.optim.SGD(p, lr=0.1), True)

    torch.rand(5)
    again = second.measure()
    torch.rand(5)

    assert [m.C_alpha.value for m in first.history] == [m.C_alpha.value for m in second.history[:-1]]
    assert second.measure().C_alpha.value == again.C_alpha.value
    assert model.training


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


def test_a_crossing_is_told_once_when_confirmed_and_names_p_c_and_i_before_and_after():
    detector, history, told = CrossingDetector(confirm=3), [], []
    for step, p in enumerate([0.3, 0.3, 0.3, 0.7, 0.7, 0.7, 0.7, 0.7]):
        found = {"p": (p, p - 0.05, p + 0.05), "C_alpha": (p / (1 - p), 0.1, 9.0), "I": (p / 4, 0.0, 1.0)}
        history.append(Measurement.of(step, **found))
        told += detector.update(history)

    assert len(told) == 1
    assert told[0].found.step == 5
    assert (told[0].before.p.value, told[0].after.p.value) == (0.3, 0.7)
    for text in ("p 0.3 → 0.7", "C_alpha 0.429 → 2.33", "I 0.075 → 0.175"):
        assert text in str(told[0])


def test_the_literal_detection_tells_every_step_from_below_to_above_one_half():
    detector, history, told = CrossingDetector(method="crossing"), [], []
    for step, p in enumerate([0.4, 0.6, 0.5, 0.51, 0.9]):
        history.append(Measurement.of(step, literal={"p": p}))
        told += detector.update(history)

    assert [c.after.step for c in told] == [1, 3]


def test_trainer_hooks_step_the_monitor_once_for_each_optimizer_step():
    counted = SimpleNamespace(steps=0, closed=0)
    counted.step = lambda: setattr(counted, "steps", counted.steps + 1)
    counted.close = lambda: setattr(counted, "closed", counted.closed + 1)

    callback = lightning_monitor(counted)
    for batch in range(6):
        # Gradients of two batches are accumulated for each step.
        callback.on_train_batch_end(SimpleNamespace(global_step=(batch + 1) // 2), None, None, None, batch)
    callback.on_train_end(SimpleNamespace(), None)
    hooks = TrainerMonitor(counted)
    control = object()
    assert hooks.on_train_begin(None, None, control) is control
    for _ in range(2):
        assert hooks.on_step_end(None, None, control, model=None) is control
    hooks.on_train_end(None, None, control)

    assert (counted.steps, counted.closed) == (5, 2)


def test_a_loss_that_is_not_finite_is_flagged_and_training_goes_on():
    model, monitor = train("plain", lambda p: torch.optim.SGD(p, lr=0.1), True)
    with torch.no_grad():
        next(model.parameters())[0, 0] = float("nan")

    made = monitor.measure()

    assert made.flags == ("loss_not_finite",)
    assert made.C_alpha is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"batch_size": 65}, "fewer than one batch of 65"),
        ({"samples": 1}, "samples must be at least 2"),
        ({"optimizer": None}, "give optimizer"),
        ({"loader": iter([])}, "loader must be a DataLoader"),
        ({"threshold": 2.0}, "threshold must be a number between 0 and 1"),
        ({"model": nn.Linear(6, 2, device="meta")}, "parameters are on meta"),
    ],
)
def test_bad_arguments_are_named(change, said):
    model = network("plain")
    given = {"model": model, "loader": examples(), "batch_size": 8,
             "optimizer": torch.optim.SGD(model.parameters(), lr=0.1), **change}  # fmt: skip

    with pytest.raises(RunError, match=said):
        Monitor(given.pop("model"), LOSS, given.pop("loader"), **given)
