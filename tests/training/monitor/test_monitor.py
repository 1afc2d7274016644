"""A monitor beside a training loop."""

from __future__ import annotations

import copy
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import Dataset

from sdesim.errors import RunError
from sdesim.runs import measure
from sdesim.training import (
    Monitor,
)
from tests.training.monitor.watched import LOSS, examples, network, train


class Jittered(Dataset):
    """Examples with augmentation from torch's, NumPy's and Python's global generators."""

    def __init__(self, x, y):
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        shift = torch.randn(()) + np.random.rand() + random.random()  # noqa: NPY002
        return self.x[i] + 0.01 * float(shift), self.y[i]


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


DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else []),
           *(["mps"] if torch.backends.mps.is_available() else [])]  # fmt: skip


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", ["plain", "norm"])
def test_a_network_is_read_where_it_is(device, kind):
    x, y = examples()
    net = network(kind)
    moved = copy.deepcopy(net).to(device)

    def read(model, x, y):
        sgd = torch.optim.SGD(model.parameters(), lr=0.1)
        return Monitor(model, LOSS, (x, y), optimizer=sgd, batch_size=8, announce=None).measure()

    there, again = read(moved, x.to(device), y.to(device)), read(moved, x, y)
    here = read(net, x, y)

    # Sums in another order: some units of float32, of which Hessians and ratios make thousands.
    for name in ("loss", "signal", "noise"):
        assert getattr(there, name) == pytest.approx(getattr(here, name), rel=1e-3)
    assert there.lambda_max.value == pytest.approx(here.lambda_max.value, rel=5e-3)
    assert again.loss == there.loss
    assert all(p.device.type == device for p in moved.parameters())


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


@pytest.mark.usefixtures("two_torch_threads")
def test_two_monitors_of_one_seed_measure_the_same_whatever_the_global_generators_did():
    _, first = train("dropout", lambda p: torch.optim.SGD(p, lr=0.1), True)
    model, second = train("dropout", lambda p: torch.optim.SGD(p, lr=0.1), True)

    torch.rand(5)
    again = second.measure()
    torch.rand(5)

    assert [m.C_alpha.value for m in first.history] == [m.C_alpha.value for m in second.history[:-1]]
    assert second.measure().C_alpha.value == again.C_alpha.value
    assert model.training
    assert torch.get_num_threads() == 2


def test_steps_that_were_made_before_a_monitor_are_numbered_and_their_time_is_not_known():
    model, (x, y) = network("plain"), examples()
    monitor = Monitor(
        model, LOSS, (x, y), learning_rate=0.1, batch_size=8, every=4, samples=8, curvature_every=0, window=0,
        announce=None,
    )  # fmt: skip
    monitor.begin_at(3)
    made = [monitor.step() for _ in range(3)]

    assert made[0] is None
    assert made[2] is None
    assert made[1].step == 5
    assert made[1].time == pytest.approx(0.2)
    assert "time_from_resume" in made[1].flags


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
