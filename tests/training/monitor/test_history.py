"""Measurements of a training, wherever they are."""

from __future__ import annotations

import math

import pytest
import torch

import sdesim
from sdesim.errors import RunError
from sdesim.training import Measurement, findings
from sdesim.training.monitor.history import history_of
from tests.training.monitor.watched import train as train_monitored
from tests.training.watching.loops import train


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """A watch, closed, with its folder."""
    folder = tmp_path_factory.mktemp("watched") / "x"
    _, monitor = train(sizes=(4, 8), steps=40, sinks=[folder])
    monitor.close()
    return monitor, folder


def test_a_live_watch_its_folder_and_its_run_say_the_same_of_the_batch(watched):
    monitor, folder = watched
    sources = (monitor, monitor.history, folder, monitor.run(), folder / "training.zarr")

    found = [history_of(source) for source in sources]

    assert [[m.step for m in h] for h in found] == [[m.step for m in monitor.history]] * len(sources)
    for history in found:
        for name in ("C_alpha", "C_1"):
            mine, theirs = getattr(history[-1], name), getattr(monitor.history[-1], name)
            expected = pytest.approx((theirs.value, theirs.low, theirs.high), rel=1e-7)
            assert (mine.value, mine.low, mine.high) == expected
        told = [f.text for f in findings(history) if f.about == "batch"]
        assert told == [f.text for f in findings(monitor) if f.about == "batch"]


def test_a_recorded_training_is_read_at_its_probes_smoothed_with_losses():
    x = torch.randn(60, 6, generator=torch.Generator().manual_seed(0))
    y = (x[:, 0] > 0).long()
    run = sdesim.training.record(
        sdesim.training.mlp([6, 4, 2], seed=0), torch.nn.CrossEntropyLoss(), (x, y), None,
        lambda p: torch.optim.SGD(p, lr=0.1), steps=30, batch_size=6, seed=0, trajectories=2,
        probes=sdesim.Probes(every=5, samples=8), save_every=5, progress=False,
    )  # fmt: skip

    history = history_of(run, trajectory=1)

    smooth = sdesim.measure(run.isel(trajectory=[1]), smooth=True)
    assert [m.step for m in history] == list(run["probe_step"].values)
    assert [m.loss for m in history] == pytest.approx(list(run["loss"].values[1]))
    assert history[-1].C_alpha.value == pytest.approx(float(smooth["C_alpha_smooth"][0, -1]))
    assert history[-1].C_1.value == pytest.approx(history[-1].C_alpha.value * float(
        smooth["C_1"][0, 0] / smooth["C_alpha"][0, 0]
    ))  # fmt: skip
    assert (history[-1].batch_size, history[-1].learning_rate) == (6, 0.1)
    assert history[-1].edge_ratio is not None
    with pytest.raises(RunError, match="trajectory: found 2, allowed: 0 to 1"):
        history_of(run, trajectory=2)


def test_a_measurement_comes_back_from_plain_dicts():
    _, monitor = train_monitored("plain", lambda p: torch.optim.SGD(p, lr=0.1), True, steps=6)
    one = monitor.history[-1]

    again = Measurement.from_dict(one.to_dict())
    assert repr(again) == repr(one)
    # Strict JSON has null for NaN, and for what is not there.
    assert math.isnan(Measurement.from_dict({**one.to_dict(), "loss": None}).loss)
    with pytest.raises(RunError, match="not a measurement"):
        Measurement.from_dict({"step": 1})


def test_what_holds_no_measurements_is_refused(tmp_path):
    (tmp_path / "readings.jsonl").touch()
    with pytest.raises(RunError, match="holds no measurement yet"):
        history_of(tmp_path)
    (tmp_path / "readings.jsonl").write_text('{"session": {"began": 0, "pid": 1, "host": ""}}\n{"a": 1}\n')
    with pytest.raises(RunError, match="holds no measurements of a training"):
        history_of(tmp_path)
    with pytest.raises(RunError, match="no run at"):
        history_of(tmp_path / "nowhere")
    with pytest.raises(RunError, match="no measurements yet"):
        history_of([])
