"""Noise-amplified SGD in training: its gradient has the mean of SGD's and l times the covariance."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import sdesim
from sdesim.compiled.streams import ORDER
from sdesim.data import digits
from sdesim.errors import RunError, ScenarioError
from sdesim.scenario import parse_scenario
from sdesim.training import mlp, record
from sdesim.training.data.examples import Batches, Examples, Order
from sdesim.training.loop.one_seed import stream_seed
from sdesim.training.loop.svag import amplified_loss

DATA = digits(40, 20)
ARM = """
name: one
arms:
  net:
    train:
      data: {{kind: digits, train: 40, test: 20}}
      network: {{kind: mlp, widths: [64, 4, 10]}}
      optimizer: {optimizer}
      sampling: {sampling}
      amplify: 2
      steps: 5
"""


def train(module=None, optimizer=lambda p: torch.optim.SGD(p, lr=0.3), **changes):
    settings = {"steps": 6, "batch_size": 5, "seed": 3, "save_every": 1, "sampling": "with-replacement"}
    module = module or mlp([64, 4, 10], seed=0)
    return record(module, cross_entropy, DATA, None, optimizer, progress=False, **(settings | changes))


@pytest.mark.parametrize("factor", [2, 5])
def test_over_all_pairs_of_examples_the_mean_stays_and_the_covariance_is_l_times_as_large(factor):
    torch.manual_seed(0)
    net = nn.Linear(3, 2).double()
    x, y = torch.randn(6, 3, dtype=torch.float64), torch.tensor([0, 1, 1, 0, 1, 0])
    loss = amplified_loss(cross_entropy, factor)

    def gradient(function, rows):
        found = torch.autograd.grad(function(net(x[rows]), y[rows]), list(net.parameters()))
        return torch.cat([g.ravel() for g in found]).numpy()

    single = np.array([gradient(cross_entropy, [i]) for i in range(6)])
    pairs = factor * np.array([gradient(loss, [i, j]) for i in range(6) for j in range(6)])

    # All pairs are all that independent batches of one example can be, so both moments are exact.
    np.testing.assert_allclose(pairs.mean(axis=0), single.mean(axis=0), atol=1e-12)
    expected = factor * np.cov(single.T, bias=True)
    np.testing.assert_allclose(np.cov(pairs.T, bias=True), expected, atol=1e-12)


def test_each_step_is_made_of_short_ones_on_two_fresh_minibatches():
    run = train(amplify=3)
    net = mlp([64, 4, 10], seed=0)
    generator = torch.Generator().manual_seed(stream_seed(3, 0, ORDER))
    x, y = torch.tensor(DATA.x_train).to(net[0].weight.dtype), torch.tensor(DATA.y_train)
    batches = Batches(Examples(x, y), Order(5, "with-replacement", True), generator)

    for _ in range(6 * 3):
        first, second = batches.next(), batches.next()
        s = 5**0.5
        parts = [(1 + s) / 2 * cross_entropy(net(x[first]), y[first])]
        parts += [(1 - s) / 2 * cross_entropy(net(x[second]), y[second])]
        net.zero_grad()
        sum(parts).backward()
        with torch.no_grad():
            for p in net.parameters():
                p -= 0.1 * p.grad

    last = nn.utils.parameters_to_vector(net.parameters()).detach().numpy()
    # Equal up to the order of sums in the network's own precision.
    np.testing.assert_allclose(run.theta.values[0, -1], last, rtol=1e-5, atol=1e-6)
    assert run.attrs["amplify"] == 3


def test_times_rates_and_probes_are_those_of_sgd():
    probes = sdesim.Probes(every=3, samples=8)

    plain, amplified = train(probes=probes), train(probes=probes, amplify=4)

    for name in ("time", "learning_rate", "step_size", "critical_sharpness", "epoch"):
        np.testing.assert_array_equal(plain[name].values, amplified[name].values)
    np.testing.assert_array_equal(plain.signal.values[:, 0], amplified.signal.values[:, 0])
    assert "amplify" not in plain.attrs
    assert train(amplify=1).theta.values.tobytes() == train().theta.values.tobytes()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"amplify": 0}, "whole number of at least 1, got 0"),
        ({"amplify": 1.5}, "whole number of at least 1, got 1.5"),
        ({"sampling": "epoch"}, 'needs minibatches of sampling="with-replacement", got "epoch"'),
        ({"batch_size": None}, 'sampling="with-replacement", got "none"'),
        ({"optimizer": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)}, "without momentum"),
        ({"optimizer": lambda p: torch.optim.Adam(p)}, "needs torch.optim.SGD"),
        ({"module": nn.Sequential(nn.BatchNorm1d(64), nn.Linear(64, 10))}, "batch normalisation"),
    ],
)
def test_what_it_is_not_defined_for_is_refused(changes, said):
    with pytest.raises(RunError, match=said):
        train(**({"amplify": 2} | changes))


@pytest.mark.parametrize(
    ("optimizer", "sampling", "said"),
    [
        ("{kind: sgd, lr: 0.1, batch_size: 10}", "epoch", "sampling: with-replacement"),
        ("{kind: adam, lr: 0.1, batch_size: 10}", "with-replacement", "amplify needs sgd"),
        ("{kind: sgd, lr: 0.1, batch_size: 10, momentum: 0.5}", "with-replacement", "without momentum"),
        ("{kind: sgd, lr: 0.1}", "with-replacement", "amplify needs minibatches"),
    ],
)
def test_a_scenario_that_can_not_amplify_is_refused_in_its_words(optimizer, sampling, said):
    with pytest.raises(ScenarioError, match=said):
        parse_scenario(ARM.format(optimizer=optimizer, sampling=sampling))
