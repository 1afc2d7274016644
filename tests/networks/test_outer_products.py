"""Gradients of single examples by outer products."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, mse_loss

from sdesim.networks.fully_connected import flat_parameters
from sdesim.training import TorchOracle, mlp, network_surface


@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu", "quadratic"])
@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_outer_products_are_the_gradients_of_autograd(activation, loss):
    torch.manual_seed(0)
    network = mlp([5, 4, 3], activation, seed=1)
    x = torch.randn(20, 5, dtype=torch.float64)
    y = torch.randint(3, (20,)) if loss == "cross_entropy" else torch.randn(20, 3, dtype=torch.float64)
    function = cross_entropy if loss == "cross_entropy" else mse_loss
    fast = TorchOracle(network, function, x, y, 4)
    slow = TorchOracle(network, lambda a, b: function(a, b), x, y, 4)
    theta = flat_parameters(network)
    surface = network_surface(network, x, y, loss)

    one, other = (o.gradients(theta, 7, np.random.default_rng(2)) for o in (fast, slow))

    np.testing.assert_allclose(one, other, atol=1e-12)
    np.testing.assert_allclose(surface.loss(theta), fast.loss(theta), rtol=1e-12)
    v = np.random.default_rng(3).standard_normal(theta.size)
    np.testing.assert_allclose(surface.hvp(theta, v), slow.hvp(theta, v), atol=1e-10)
