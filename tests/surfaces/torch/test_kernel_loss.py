"""The compiled functions of a dense network behind the methods of `BatchedLoss`."""

from importlib import import_module

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.surfaces import MLP, Quadratic

torch = pytest.importorskip("torch")
batched = import_module("sdesim.surfaces.torch.batched")
kernel_loss = import_module("sdesim.surfaces.torch.kernel_loss")

RNG = np.random.default_rng(0)
X, LABELS = RNG.standard_normal((12, 3)), np.arange(12) % 4


@pytest.fixture
def surface():
    return MLP([3, 5, 4], X, LABELS, loss="cross_entropy")


def test_methods_are_those_of_the_same_network_in_torch(surface):
    module = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 4))
    of_torch = batched.BatchedLoss(module, torch.nn.CrossEntropyLoss(), X, LABELS)
    one, two = (kernel_loss.KernelLoss(surface, threads=k) for k in (1, 2))
    theta = torch.from_numpy(RNG.standard_normal((6, surface.dim)))
    weights = torch.from_numpy(RNG.standard_normal((6, 2, 12)))
    rows = torch.from_numpy(RNG.integers(0, 12, (6, 5)))

    assert one.dim == of_torch.dim
    assert one.examples == of_torch.examples == 12
    asked = [
        ("losses",), ("gradients",), ("weighted", weights), ("weighted", weights[:, 1]), ("picked", rows),
        ("variances",),
    ]  # fmt: skip
    for name, *rest in asked:
        found = getattr(one, name)(theta, *rest)
        torch.testing.assert_close(found, getattr(of_torch, name)(theta, *rest), rtol=1e-9, atol=1e-12)
        assert torch.equal(getattr(two, name)(theta, *rest), found)
        assert torch.equal(getattr(one, name)(theta[2:3], *(r[2:3] for r in rest))[0], found[2])
    torch.testing.assert_close(
        one.example_gradients(theta[0], rows[0]),
        of_torch.example_gradients(theta[0], rows[0]),
        rtol=1e-9,
        atol=1e-12,
    )


def test_wrong_shapes_and_surfaces_without_examples_are_refused(surface):
    found = kernel_loss.KernelLoss(surface)
    point = torch.zeros(1, surface.dim)
    with pytest.raises(SdesimError, match="theta must be"):
        found.losses(point[:, 1:])
    with pytest.raises(SdesimError, match="weights must be"):
        found.weighted(point, torch.zeros(1, 5))
    with pytest.raises(SdesimError, match="indices must be"):
        found.picked(point, torch.zeros(2, 5, dtype=torch.int64))
    bowl = kernel_loss.KernelLoss(Quadratic([1.0, 2.0]))
    with pytest.raises(SdesimError, match="not the mean of the losses"):
        bowl.picked(torch.zeros(1, 2), torch.zeros(1, 5, dtype=torch.int64))
