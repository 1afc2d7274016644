"""Trainings whose readings memory does not hold are refused before the first step."""

import pytest
import torch
from torch.nn.functional import cross_entropy

import sdesim
from sdesim import data
from sdesim.errors import RunError
from sdesim.io import memory
from sdesim.training import mlp, record
from sdesim.training.loop.memory import check_readings


def test_a_recording_is_refused_and_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 1e7)

    with pytest.raises(RunError, match=r"^probes: a reading would .*: lower samples, 5000, to \d+$"):
        record(
            mlp([64, 8, 10], seed=0), cross_entropy, data.digits(60, 0, seed=0), None,
            lambda p: torch.optim.SGD(p, lr=0.1), steps=2, batch_size=10, progress=False,
            out=tmp_path / "a.zarr", probes=sdesim.Probes(samples=5000),
        )  # fmt: skip

    assert not any(tmp_path.iterdir())


def test_gradients_that_are_streamed_are_not_all_held(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 24e6)
    many = sdesim.Probes(samples=64)

    check_readings(None, 10**9, masked=False)
    check_readings(many, 10**6, masked=False)
    for dim, masked in ((10**6 + 1, False), (10**6, True)):
        with pytest.raises(RunError, match=r"^probes: a reading"):
            check_readings(many, dim, masked)
