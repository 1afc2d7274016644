"""A module's loss and derivatives as functions of a flat θ, by hand for one linear layer."""

from importlib import import_module

import numpy as np
import pytest

from sdesim.errors import SdesimError

torch = pytest.importorskip("torch")
nn, functional = torch.nn, torch.nn.functional
functions = import_module("sdesim.surfaces.torch.functions")
settings = import_module("sdesim.surfaces.torch.settings")

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((6, 3)), RNG.standard_normal((6, 1))
AUGMENTED = np.concatenate([X, np.ones((6, 1))], axis=1)


@pytest.fixture
def linear():
    torch.manual_seed(0)
    return nn.Linear(3, 1)


@pytest.fixture
def network(linear):
    return functions.Network(linear, functional.mse_loss, X, Y)


def test_parameters_are_flat_in_their_order_and_grouped_by_part(linear):
    module = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1, bias=False))
    weight, bias = (p.detach().double().numpy() for p in linear.parameters())

    np.testing.assert_array_equal(functions.flat_parameters(linear), np.concatenate([weight[0], bias]))
    assert functions.parameter_groups(module) == {"0": slice(0, 9), "2": slice(9, 12)}


def test_loss_and_derivatives_are_those_of_least_squares(network):
    theta, v = RNG.standard_normal(4), RNG.standard_normal(4)
    residual = AUGMENTED @ theta - Y[:, 0]
    each = 2 * residual[:, None] * AUGMENTED

    assert network.loss(theta) == pytest.approx((residual**2).mean(), rel=1e-13)
    np.testing.assert_allclose(network.grad(theta), each.mean(axis=0), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(network.hvp(theta, v), 2 * AUGMENTED.T @ AUGMENTED @ v / 6, rtol=1e-12)
    found = network.example_gradients(theta, np.array([4, 0, 4]))
    np.testing.assert_allclose(found, each[[4, 0, 4]], rtol=1e-12, atol=1e-14)
    weights = np.array([0.0, 2.0, 0.0, -1.0, 0.0, 0.5])
    np.testing.assert_allclose(network.weighted_gradient(theta, weights), weights @ each, rtol=1e-11)
    assert not network.weighted_gradient(theta, np.zeros(6)).any()


def test_a_loss_without_curvature_has_products_of_zero(linear):
    network = functions.Network(linear, lambda out, y: (out - y).mean(), X, Y)

    np.testing.assert_array_equal(network.hvp(np.ones(4), np.ones(4)), np.zeros(4))


def test_the_module_that_was_given_stays_as_it_is(linear, network):
    before = functions.flat_parameters(linear)

    network.grad(before + 1.0)

    assert next(linear.parameters()).dtype == torch.float32
    np.testing.assert_array_equal(functions.flat_parameters(linear), before)
    np.testing.assert_array_equal(network.start, before)


@pytest.mark.usefixtures("two_torch_threads")
def test_torch_uses_one_thread_within_and_as_many_as_before_after_an_error():
    def fails():
        with settings.one_thread(), settings.one_thread():
            assert torch.get_num_threads() == 1
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()

    assert torch.get_num_threads() == 2


def test_a_mean_over_examples_is_told_from_other_losses(linear, network):
    ties = functions.Network(linear, lambda out, y: (out - y).square().mean() + out.mean() ** 2, X, Y)

    assert network.is_mean
    assert not ties.is_mean
    assert set(functions.compiled_functions(network)) == {"loss", "grad", "hvp", "weighted_grad"}
    assert set(functions.compiled_functions(ties)) == {"loss", "grad", "hvp"}


def test_a_module_without_parameters_is_refused():
    with pytest.raises(SdesimError, match="no parameters to train"):
        functions.Network(nn.ReLU(), functional.mse_loss, X, Y)
