"""Layers of other libraries that are one of torch's own under another name."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from sdesim.errors import RunError
from sdesim.training import example_norms
from sdesim.training.probes.library_layers import scale_of


class Root(nn.Module):
    """A norm as language models bring their own, with a weight or with 1 + weight."""

    def __init__(self, size, more=0.0, power=-0.5):
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(0.5, 1.5, size))
        self.variance_epsilon, self.more, self.power = 1e-2, more, power

    def forward(self, x):
        return (self.more + self.weight) * x * (x.square().mean(-1, keepdim=True) + 1e-2) ** self.power


def loss(output, y):
    return (output.sum(dim=(1, 2)) - y).square().mean()


@pytest.mark.parametrize("more", [0.0, 1.0])
def test_a_norm_by_the_root_mean_square_has_the_shares_of_torchs_own(more):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), Root(4, more), nn.Linear(4, 2)).double()
    x, y = torch.randn(5, 6, 3).double(), torch.randn(5).double()

    found = example_norms(net, loss, x, y)

    for i in range(5):
        gradients = torch.autograd.grad(loss(net(x[i : i + 1]), y[i : i + 1]), list(net.parameters()))
        single = sum(float(g.square().sum()) for g in gradients)
        assert float(found.squares[i]) == pytest.approx(single, rel=1e-9)


def test_what_only_looks_like_one_is_refused():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), Root(4, power=-0.4)).double()
    assert scale_of(net[1]) == 1e-2
    assert scale_of(net[0]) is None

    with pytest.raises(RunError, match=r"1\.weight is used in another way than by its own layer"):
        example_norms(net, loss, torch.randn(5, 6, 3).double(), torch.randn(5).double())
