"""The crowd's losses, gradients and C are those of each of its networks by itself."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import torch

from sdesim.shipped import study
from sdesim.surfaces import MLP

study("claims")
crowds = import_module("sdesim_claims.crowd")
estimates = import_module("sdesim_claims.estimates")

ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu, "quadratic": torch.square}


def double(nets):
    """The same crowd in double precision, so that nothing but rounding at 1e-16 is left."""
    nets.weights, nets.biases = ([p.double() for p in group] for group in (nets.weights, nets.biases))
    return nets


def test_c_of_a_linear_network_is_that_of_its_gradients():
    # y = wx at w = 0, mean squared error: gradients −2·x·y are −2, −4 and −6, of mean −4 and variance 8/3.
    nets = crowds.Crowd([torch.zeros(1, 1, 1)], [], "tanh", "mse")
    x, y = torch.tensor([[1.0], [2.0], [3.0]]), torch.ones(3, 1)

    assert nets.gradients(x, y)[0].item() == -4
    # Single precision holds the powers of 2 and sums of these exactly, the quotient to 1e-7.
    assert nets.c_one(x, y) == pytest.approx([16 / (8 / 3)], rel=1e-6)
    assert nets.losses(x, y) == pytest.approx([1])


def test_the_weights_of_one_network_are_those_of_a_surface():
    rng = np.random.default_rng(0)
    nets = double(crowds.crowd([4, 5, 3], 2, rng, "tanh", "mse"))
    x = rng.standard_normal((6, 4))
    surface = MLP([4, 5, 3], x, np.zeros((6, 3)))

    outputs = nets.outputs(torch.from_numpy(x)).numpy()

    for run in range(2):
        assert surface.outputs(nets.vector(run), x) == pytest.approx(outputs[run], rel=1e-12)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize(
    ("activation", "loss"), [("tanh", "cross_entropy"), ("relu", "mse"), ("quadratic", "mse")]
)
def test_each_network_has_the_gradients_and_the_c_that_autograd_gives_it(activation, loss, masked, bias):
    rng = np.random.default_rng(0)
    nets = double(crowds.crowd([4, 5, 3], 2, rng, activation, loss, bias=bias))
    x, labels = torch.from_numpy(rng.standard_normal((6, 4))), torch.from_numpy(rng.integers(0, 3, 6))
    y = torch.eye(3, dtype=torch.float64)[labels]
    if masked:
        nets.masks = [torch.from_numpy(rng.integers(0, 2, w.shape)).double() for w in nets.weights]
        nets.weights = [w * m for w, m in zip(nets.weights, nets.masks, strict=True)]

    found, c = nets.gradients(x, y), nets.c_one(x, y)

    for k in range(2):
        rows = np.array([_gradient(nets, k, x[i : i + 1], y[i : i + 1]) for i in range(6)])
        # Both are exact up to rounding.
        assert np.concatenate([g[k].numpy().ravel() for g in found]) == pytest.approx(rows.mean(axis=0))
        assert c[k] == pytest.approx(estimates.c_one(rows))


def _gradient(nets, k, x, y):
    """Gradient of network k by autograd, in the order of `parameters`."""
    parameters = [p[k].clone().requires_grad_() for p in nets.parameters]
    layers = len(nets.weights)
    weights, biases = parameters[:layers], parameters[layers:]
    if nets.masks is not None:
        weights = [w * m[k] for w, m in zip(weights, nets.masks, strict=True)]
    a = x
    for j, w in enumerate(weights):
        a = a @ w + (biases[j] if biases else 0)
        a = ACTIVATIONS[nets.activation](a) if j < layers - 1 else a
    if nets.loss == "mse":
        loss = torch.nn.functional.mse_loss(a, y)
    else:
        loss = torch.nn.functional.cross_entropy(a, y.argmax(dim=1))
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters)]).numpy()


def test_descent_with_momentum_and_decay_makes_the_steps_of_torch():
    rng = np.random.default_rng(1)
    nets = double(crowds.crowd([3, 2], 1, rng, "tanh", "mse"))
    x, y = (torch.from_numpy(rng.standard_normal(shape)) for shape in ((5, 3), (5, 2)))
    w, b = (p[0].clone().requires_grad_() for p in nets.parameters)
    peer = torch.optim.SGD([w, b], lr=0.1, momentum=0.9, weight_decay=0.01)

    descent = crowds.Descent(nets, 0.1, 0.9, 0.01)
    for _ in range(4):
        descent.step(x, y)
        peer.zero_grad()
        torch.nn.functional.mse_loss(x @ w + b, y).backward()
        peer.step()

    assert nets.weights[0][0].numpy() == pytest.approx(w.detach().numpy())
    assert nets.biases[0][0].numpy() == pytest.approx(b.detach().numpy())


def test_batches_pass_over_all_examples_before_any_comes_again():
    order = crowds.batches(6, 2, 3, np.random.default_rng(0))

    passed = np.concatenate([next(order) for _ in range(3)], axis=1)

    assert np.array_equal(np.sort(passed, axis=1), np.tile(np.arange(6), (3, 1)))
