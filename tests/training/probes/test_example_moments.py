"""μ and Σ of a minibatch gradient from those of all examples: the law of the draws, or the reason why not."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from sdesim import data
from sdesim.networks.fully_connected import flat_parameters
from sdesim.runs import probe
from sdesim.runs.exactness import Exactness
from sdesim.training import TorchOracle, mlp
from sdesim.training.probes.network_oracle import MaskedOracle
from sdesim.training.probes.trial import Trial

DIGITS = data.digits(40, 0, seed=0)
X, Y = torch.as_tensor(DIGITS.x_train).float(), torch.as_tensor(DIGITS.y_train).long()


def summed(output, y):
    return cross_entropy(output, y, reduction="sum")


def conv(norm=None, drop=0.0):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 2, 3), norm or nn.Identity(), nn.Tanh(), nn.Dropout(drop),
        nn.Flatten(), nn.Linear(72, 10),
    )  # fmt: skip


CASES = {
    "plain": (lambda: mlp([64, 5, 10], seed=0).float(), cross_entropy, None),
    "convolution": (conv, cross_entropy, None),
    "sum": (conv, summed, None),
    "weights": (conv, cross_entropy, torch.linspace(1, 3, 40)),
    "layer norm": (lambda: conv(nn.GroupNorm(1, 2)), cross_entropy, None),
}


def oracle_of(case, batch=4, **more):
    build, loss, weights = CASES[case]
    module = build()
    oracle = TorchOracle(module, loss, X, Y, batch, weights, **({"training_batch": 8} | more))
    return oracle, flat_parameters(module)


@pytest.mark.parametrize("case", CASES)
def test_mean_and_covariance_are_those_of_minibatches(case):
    oracle, theta = oracle_of(case)

    known = oracle.moments(theta)

    n = 4000
    draws = oracle.gradients(theta, n, np.random.default_rng(0))
    apart = ((draws.mean(axis=0) - known.mean) ** 2).sum()
    trace = known.covariance.variance.sum()
    # |ḡ − μ|² is Tr Σ/n in the mean and far from ten times that; |g − μ|² has a spread below twice its mean.
    assert apart < 10 * trace / n
    assert ((draws - known.mean) ** 2).sum(axis=1).mean() == pytest.approx(trace, rel=10 / np.sqrt(n))
    np.testing.assert_allclose(known.mean, oracle.gradient(theta), atol=1e-4 * np.abs(known.mean).max())
    assert (oracle.inexact, oracle.covariance_size) == ("", 40 * len(theta))
    assert oracle.moments(theta, covariance=False).covariance is None


def double(build):
    return build().double()


@pytest.mark.parametrize("case", ["convolution", "layer norm"])
def test_traces_from_norms_are_those_of_the_examples_gradients(case):
    module = double(CASES[case][0])
    oracle = TorchOracle(module, cross_entropy, X.double(), Y, 4)
    theta = flat_parameters(module)
    known = oracle.moments(theta)

    found = oracle.traces(theta)

    np.testing.assert_allclose(found.mean, known.mean, rtol=1e-9, atol=1e-14)
    each = [known.covariance.variance[block].sum() for block in found.blocks]
    np.testing.assert_allclose(found.traces, each, rtol=1e-9)
    assert [p.numel() for p in module.parameters()] == [b.stop - b.start for b in found.blocks]


@pytest.mark.parametrize("case", ["plain", "sum", "weights"])
def test_where_norms_are_no_cheaper_or_of_something_else_there_are_none(case):
    oracle, theta = oracle_of(case)

    assert oracle.traces(theta) is None


def test_layers_whose_norms_are_not_known_are_tried_once():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.out, self.size = nn.Linear(64, 10), nn.Parameter(torch.ones(()))

        def forward(self, x):
            return self.out(x) * self.size

    module = Scaled()
    oracle = TorchOracle(module, cross_entropy, X, Y, 4)
    theta = flat_parameters(module)

    assert oracle.traces(theta) is oracle.traces(theta) is None
    assert oracle.moments(theta).covariance is not None


def test_a_reading_without_the_hessian_is_that_of_the_norms():
    module = double(conv)
    oracle = TorchOracle(module, cross_entropy, X.double(), Y, 4)
    theta = flat_parameters(module)
    settings = {"samples": 2, "step_size": 0.1, "exactness": Exactness(), "groups": oracle.groups}

    plain, bent = (
        probe(oracle, theta, rng=np.random.default_rng(0), curvature=c, **settings) for c in (False, True)
    )

    assert "exact_hessian_noise" not in plain
    for name in ("signal", "noise", "noise_error", "group_signal", "group_noise", "group_noise_error"):
        np.testing.assert_allclose(plain[f"exact_{name}"], bent[f"exact_{name}"], rtol=1e-9, err_msg=name)


def test_single_examples_tell_the_noise_of_minibatches():
    oracle, theta = oracle_of("weights")
    known, n = oracle.moments(theta), 4000

    singles = oracle.singles(theta, n, np.random.default_rng(0)) - known.mean

    squares = (singles**2).sum(axis=1) / 4
    assert squares.mean() == pytest.approx(
        known.covariance.variance.sum(), abs=5 * squares.std() / np.sqrt(n)
    )


REASONS = {
    "batch norm": (lambda: conv(nn.BatchNorm2d(2)), cross_entropy, "meet in the network"),
    "dropout": (lambda: conv(drop=0.3), cross_entropy, "act at random"),
    "class weights": (
        conv, lambda output, y: cross_entropy(output, y, torch.arange(1.0, 11.0)), "(weighted mean)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REASONS)
def test_what_single_examples_do_not_tell_is_left_to_draws(case):
    build, loss, reason = REASONS[case]
    module = build()
    oracle = TorchOracle(module, loss, X, Y, 4)

    assert oracle.moments(flat_parameters(module)) is None
    assert reason in oracle.inexact


def test_dropout_that_no_mode_turns_off_is_seen():
    class Always(nn.Module):
        def __init__(self):
            super().__init__()
            self.out = nn.Linear(64, 10)

        def forward(self, x):
            return self.out(nn.functional.dropout(x, 0.5, training=True))

    module = Always()
    # A trial on other examples might take it for a network that is the same at each call.
    oracle = TorchOracle(module, cross_entropy, X, Y, 4, trial=Trial("mean", ()))

    assert oracle.moments(flat_parameters(module)) is None
    assert oracle.inexact == "two readings of the same gradient differ"


def test_in_evaluation_mode_dropout_is_no_obstacle():
    module = conv(drop=0.3)

    assert TorchOracle(module, cross_entropy, X, Y, 4, mode="eval").moments(flat_parameters(module))


def test_of_a_masked_network_the_surviving_coordinates_count():
    oracle, theta = oracle_of("plain")
    mask = np.random.default_rng(0).random(len(theta)) < 0.5

    part = MaskedOracle(oracle, mask).moments(theta[mask])

    whole = oracle.moments(np.where(mask, theta, 0.0))
    np.testing.assert_array_equal(part.mean, whole.mean[mask])
    np.testing.assert_array_equal(part.covariance.variance, whole.covariance.variance[mask])
