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
from sdesim.training.loop.svag import amplified_loss, shortened

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
        ({"optimizer": lambda p: torch.optim.Adamax(p)}, "amplify: no short steps .* known for Adamax"),
        (
            {"optimizer": lambda p: torch.optim.Adam(p), "probes": sdesim.Probes(every=2)},
            "momentum and weight",
        ),
        (
            {
                "optimizer": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
                "scheduler": lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=20),
            },
            "a momentum that the scheduler changes",
        ),
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
        ("{kind: adamax, lr: 0.1, batch_size: 10}", "with-replacement", "no short steps"),
        ("{kind: sgd, lr: 0.1}", "with-replacement", "amplify needs minibatches"),
    ],
)
def test_a_scenario_that_can_not_amplify_is_refused_in_its_words(optimizer, sampling, said):
    with pytest.raises(ScenarioError, match=said):
        parse_scenario(ARM.format(optimizer=optimizer, sampling=sampling))


OPTIMIZERS = [
    lambda p: torch.optim.SGD(p, lr=0.3, momentum=0.8, dampening=0.2, weight_decay=0.1),
    lambda p: torch.optim.SGD(p, lr=0.3, momentum=0.8, nesterov=True),
    lambda p: torch.optim.Adam(p, lr=0.3, weight_decay=0.1),
    lambda p: torch.optim.AdamW(p, lr=0.3, weight_decay=0.1),
    lambda p: torch.optim.RMSprop(p, lr=0.3, momentum=0.5),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_optimizer_has_its_own_settings_again_after_short_steps(optimizer):
    made = optimizer([nn.Parameter(torch.ones(2))])
    before = dict(made.param_groups[0])

    with shortened(made, 4):
        short = dict(made.param_groups[0])

    assert short["lr"] < before["lr"]
    assert dict(made.param_groups[0]) == before


@pytest.mark.parametrize("factor", [4, 16])
@pytest.mark.parametrize("settings", [{}, {"dampening": 0.2}, {"nesterov": True}])
def test_a_gradient_moves_theta_as_far_in_the_end_however_short_the_steps_of_momentum_are(factor, settings):
    theta = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    made = torch.optim.SGD([theta], lr=0.3, momentum=0.8, **settings)

    # A push of size 1 for one whole step, after torch's first step, which is not dampened.
    with shortened(made, factor):
        for push in [0.0] + [1.0] * factor + [0.0] * 200 * factor:
            theta.grad = torch.full((1,), push, dtype=torch.float64)
            made.step()

    expected = -0.3 * (1 - settings.get("dampening", 0.0)) / (1 - 0.8)
    assert theta.item() == pytest.approx(expected, rel=1e-9)


def test_short_steps_of_adam_move_and_diffuse_as_a_whole_one_where_noise_is_large():
    # Gradients μ ± σ√l alternate, v is known and steady; m forgets nothing within a step.
    factor, rate, mean, sigma = 4, 0.01, 1e-3, 1.0
    theta = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    made = torch.optim.Adam([theta], lr=rate, betas=(0.0, 0.9999), eps=1e-300)
    made.state[theta] = {
        "step": torch.tensor(1e6),
        "exp_avg": torch.zeros(1, dtype=torch.float64),
        "exp_avg_sq": torch.full((1,), factor * sigma**2, dtype=torch.float64),
    }
    moved = []

    with shortened(made, factor):
        for sign in (1, -1) * (factor // 2):
            before = theta.item()
            theta.grad = torch.full((1,), mean + sign * sigma * factor**0.5, dtype=torch.float64)
            made.step()
            moved.append(theta.item() - before)

    # The drift of a whole step, and its variance η² in four parts.
    assert sum(moved) == pytest.approx(-rate * mean / sigma, rel=1e-3)
    assert sum(m * m for m in moved) == pytest.approx(rate**2, rel=1e-3)


def test_a_network_is_trained_by_adam_on_two_minibatches_a_short_step():
    run = train(optimizer=lambda p: torch.optim.Adam(p, lr=0.05), amplify=2)
    plain = train(optimizer=lambda p: torch.optim.Adam(p, lr=0.05))

    np.testing.assert_array_equal(run.learning_rate.values, plain.learning_rate.values)
    net = mlp([64, 4, 10], seed=0)
    made = torch.optim.Adam(
        net.parameters(), lr=0.05 / 2**0.5, betas=(0.9**0.5, 0.999**0.5), eps=1e-8 * 2**0.5
    )
    generator = torch.Generator().manual_seed(stream_seed(3, 0, ORDER))
    x, y = torch.tensor(DATA.x_train).to(net[0].weight.dtype), torch.tensor(DATA.y_train)
    batches = Batches(Examples(x, y), Order(5, "with-replacement", True), generator)
    for _ in range(6 * 2):
        rows = torch.cat([batches.next(), batches.next()])
        made.zero_grad()
        amplified_loss(cross_entropy, 2, 1.0)(net(x[rows]), y[rows]).backward()
        made.step()
    last = nn.utils.parameters_to_vector(net.parameters()).detach().numpy()
    np.testing.assert_allclose(run.theta.values[0, -1], last, rtol=1e-5, atol=1e-6)
