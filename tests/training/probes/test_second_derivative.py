"""Hessian-vector products are right or taken by differences, for any network."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import mse_loss

from sdesim.networks.fully_connected import flat_parameters
from sdesim.training import TorchOracle

GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(48, 4, generator=GENERATOR, dtype=torch.float64)
Y = X[:, :1] ** 2


class Detached(torch.autograd.Function):
    """z² whose backward pass is a constant to autograd."""

    @staticmethod
    def forward(ctx, z):
        ctx.kept = z.detach().clone()
        return z * z

    @staticmethod
    def backward(ctx, g):
        return g.detach() * 2 * ctx.kept


class Once(Detached):
    """The same, which refuses to be differentiated twice."""

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        return g * 2 * ctx.kept


class Act(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.f = f

    def forward(self, z):
        return self.f(z)


def oracle(f, dtype=torch.float64):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 6), Act(f), nn.Linear(6, 1)).to(dtype)
    return TorchOracle(net, lambda o, y: mse_loss(o, y), X.to(dtype), Y.to(dtype), 8), flat_parameters(net)


@pytest.mark.parametrize(
    ("f", "method"),
    [
        (torch.square, "double backward"),
        (torch.relu, "double backward"),
        (Detached.apply, "differences"),
        (Once.apply, "differences"),
    ],
)
# Differences in float32 are good to ε^{2/3} = 2.4e-5 times ratios of derivatives of order 10.
@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-7), (torch.float32, 1e-3)])
def test_products_are_those_of_the_true_hessian(f, method, dtype, close):
    plain, theta = oracle(torch.relu if f is torch.relu else torch.square, dtype)
    found, _ = oracle(f, dtype)
    v = np.random.default_rng(0).standard_normal(theta.size)

    product, right = found.hvp(theta, v), plain.hvp(theta, v)

    assert found.hvp_method == method
    assert np.linalg.norm(product - right) <= close * np.linalg.norm(right)


def test_the_third_way_needs_no_derivative():
    found, theta = oracle(torch.square)
    v = found.gradient(theta)

    curvature = found.sharpness(theta, v)

    # h² + ε/h² at h = 4.9e-4: 2.4e-7 and 9e-10, times ratios of derivatives.
    assert curvature == pytest.approx(v @ found.hvp(theta, v) / (v @ v), rel=1e-4)


def test_products_at_another_point_are_of_that_point():
    found, theta = oracle(torch.square)
    v = np.ones(theta.size)
    first = found.hvp(theta, v)

    again = found.hvp(1.1 * theta, v)

    assert not np.allclose(first, again)
    np.testing.assert_array_equal(found.hvp(theta, v), first)
