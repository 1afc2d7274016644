"""Hessian-vector products are right or taken by differences, for any network."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import mse_loss

from sdesim.networks.fully_connected import flat_parameters
from sdesim.training import TorchOracle
from sdesim.training.probes.network_oracle import MaskedOracle
from tests.training.probes.wrong_derivatives import Act, Detached

GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(48, 4, generator=GENERATOR, dtype=torch.float64)
Y = X[:, :1] ** 2


class Once(Detached):
    """The same, which refuses to be differentiated twice."""

    @staticmethod
    @once_differentiable
    def backward(ctx, g):
        return g * 2 * ctx.kept


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


def shared(loss=mse_loss, module=None, **settings):
    torch.manual_seed(0)
    net = module or nn.Sequential(nn.Linear(4, 6), Act(torch.square), nn.Linear(6, 1))
    found = TorchOracle(net.double(), lambda o, y: loss(o, y), X, Y, 6, **settings)
    return found, flat_parameters(net)


def added(o, y):
    return mse_loss(o, y, reduction="sum")


@pytest.mark.parametrize(
    ("loss", "module"),
    [(mse_loss, None), (added, None), (mse_loss, nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6),
                                                               nn.Tanh(), nn.Linear(6, 1)))],
    ids=["mean", "sum", "mean over batches"],
)  # fmt: skip
def test_shares_of_the_examples_have_the_hessian_of_all_as_their_mean(loss, module):
    found, theta = shared(loss, module)
    v = np.random.default_rng(0).standard_normal(theta.size)
    whole = found.hvp(theta, v)

    rows = found.split_hvps(theta, 8, np.random.default_rng(1))(np.tile(v, (8, 1)))

    # 48 examples, or 8 batches of 6, dealt out in equal shares.
    np.testing.assert_allclose(rows.mean(axis=0), whole, rtol=1e-9, atol=1e-12 * np.abs(whole).max())
    assert not np.allclose(rows[0], rows[1])


def test_examples_are_not_dealt_out_where_no_share_stands_for_all():
    weighted, theta = shared(weights=torch.full((48,), 1 / 48))
    weighted.hvp(theta, theta)
    few, _ = shared()
    few.hvp(theta, theta)
    by_differences, at = oracle(Detached.apply)
    by_differences.hvp(at, at)
    rng = np.random.default_rng(0)

    assert weighted.split_hvps(theta, 8, rng) is None
    assert few.split_hvps(theta, 49, rng) is None
    assert by_differences.split_hvps(at, 8, rng) is None


def test_surviving_coordinates_have_their_part_of_each_share():
    found, theta = shared()
    found.hvp(theta, theta)
    mask = np.arange(theta.size) % 3 > 0
    kept = np.where(mask, theta, 0.0)
    v = np.random.default_rng(0).standard_normal((8, int(mask.sum())))
    whole = np.zeros((8, theta.size))
    whole[:, mask] = v

    rows = MaskedOracle(found, mask).split_hvps(theta[mask], 8, np.random.default_rng(1))(v)

    right = found.split_hvps(kept, 8, np.random.default_rng(1))(whole)[:, mask]
    np.testing.assert_array_equal(rows, right)


def test_products_are_costly_by_the_sizes_alone():
    def sized(module, n):
        # One example seen n times: no memory.
        found = TorchOracle(
            module, mse_loss, torch.zeros(1, 4).expand(n, 4), torch.zeros(1, 1).expand(n, 1), 8
        )
        return found.costly

    dense = nn.Sequential(nn.Linear(4, 400), nn.Tanh(), nn.Linear(400, 1))
    other = nn.Sequential(nn.Linear(4, 400), nn.LayerNorm(400), nn.Linear(400, 1))

    assert [sized(dense, n) for n in (500, 20_000, 30_000)] == [False, False, True]
    assert [sized(other, n) for n in (500, 1_000)] == [False, True]
