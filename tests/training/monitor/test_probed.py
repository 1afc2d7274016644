"""A monitor's readings do without draws where all examples are at hand, and are those of the examples."""

import numpy as np
import pytest
import torch
from torch import nn

from sdesim.errors import RunError
from sdesim.io import memory
from sdesim.training import Monitor
from sdesim.training.probes.network_oracle import TorchOracle
from tests.training.monitor.watched import LOSS, examples, network, train

X, Y = examples()
SETTINGS = {"learning_rate": 0.1, "batch_size": 8, "samples": 4, "every": 1, "announce": None, "window": 0}


def monitored(kind="plain", **settings):
    return Monitor(network(kind), LOSS, (X, Y), **{**SETTINGS, **settings})


@pytest.fixture(scope="module")
def read():
    monitor = monitored()
    return monitor, monitor.measure()


def test_readings_are_those_of_the_gradients_of_all_examples(read):
    monitor, found = read
    model = network("plain")
    theta = np.concatenate([p.detach().reshape(-1).double().numpy() for p in model.parameters()])
    oracle = TorchOracle(model, LOSS, X, Y, 8)
    each = oracle.gradients_of(theta, torch.arange(len(X))[:, None], np.random.default_rng(0))
    away = each - each.mean(axis=0)
    signal, trace = float((each.mean(axis=0) ** 2).sum()), float((away**2).sum()) / len(X) / 8

    # The network's own numbers are single ones.
    assert found.C_alpha.value == pytest.approx(signal / trace, rel=1e-5)
    assert (found.C_alpha.low, found.C_alpha.high) == (found.C_alpha.value, found.C_alpha.value)
    assert (found.C_alpha.method, found.C_star.method, found.phase_method) == ("exact",) * 3
    assert (found.signal, found.noise) == pytest.approx((signal, trace), rel=1e-5)
    for name, cut in oracle.groups.items():
        own = float((away[:, cut] ** 2).sum()) / len(X) / 8
        c = float((each[:, cut].mean(axis=0) ** 2).sum()) / own
        assert found.groups[name].value == pytest.approx(c, rel=1e-5), name
        assert found.groups[name].low == found.groups[name].value
    assert "exact_group_signal" in monitor.run()


def test_the_draws_of_a_reading_stay_what_they_are(read):
    monitor, plain = read[0].run(), monitored(exact=False)
    plain.measure()

    for name in ("signal", "noise", "gradient_norm2", "gradient_projection", "lambda_max", "hessian_noise"):
        np.testing.assert_array_equal(monitor[name], plain.run()[name])
    assert plain.history[0].C_alpha.method == "measure"


@pytest.mark.parametrize(
    ("settings", "why"),
    [({"examples": 32}, "32 of 64 examples are at hand"), ({"augment": lambda x, g: x}, "are read anew")],
)
def test_where_there_can_be_none_they_are_sampled_or_refused_where_asked_for(settings, why):
    found = monitored(**settings).measure()

    assert found.C_alpha.method == "measure"
    with pytest.raises(RunError, match=f"^monitor: exact=True can't be: .*{why}"):
        monitored(exact=True, **settings)


def test_random_layers_are_sampled_and_told_where_readings_without_draws_are_asked_for():
    monitor = monitored("dropout", exact=True)
    with pytest.warns(UserWarning, match="exact not read at step 0: layers act at random"):
        found = monitor.measure()

    assert found.C_alpha.method == "measure"
    assert "exact_failed" in found.flags


def test_the_training_is_unchanged_by_a_bit():
    def sgd(p):
        return torch.optim.SGD(p, lr=0.1)

    alone, beside = (train("plain", sgd, watched)[0] for watched in (False, True))

    for a, b in zip(alone.parameters(), beside.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_memory_that_does_not_hold_a_reading_is_told_when_the_monitor_is_made(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 1e6)
    wide = nn.Sequential(nn.Linear(6, 500), nn.Tanh(), nn.Linear(500, 2))

    def made(**settings):
        return Monitor(wide, LOSS, (X, Y), **{**SETTINGS, **settings})

    with pytest.raises(RunError, match=r"^monitor: a reading with its curvature .*: give curvature_every=0$"):
        made()
    with pytest.raises(RunError, match=r"^monitor: a reading would .*: lower samples, 64, to 13$"):
        made(samples=64, curvature_every=0)
    made(curvature_every=0)
