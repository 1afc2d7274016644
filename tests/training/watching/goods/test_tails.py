"""Tails of the gradient noise of batches drawn at one weight."""

import torch
from torch import nn

from sdesim import stable
from sdesim.training.watching.goods.tails import Tails
from tests.training.watching.goods.bowls import visit
from tests.training.watching.goods.test_agreement import linear


def index_of(x):
    net = nn.Linear(x.shape[1], 1, bias=False)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    sold = Tails().buy(visit(net, optimizer, (x, torch.zeros(len(x))), size=1, function=linear))
    return sold.estimates["tail_index"]


def test_heavy_tails_are_told_from_gaussian_ones():
    heavy = torch.from_numpy(stable.rvs(1.2, 0.0, (5000, 3), 1)).float()
    light = torch.randn(5000, 3, generator=torch.Generator().manual_seed(0))

    # Of 32 draws along 3 directions, which mix coordinates but leave α alone.
    assert index_of(heavy).high < 2.0
    assert index_of(heavy).low < 1.2 < index_of(heavy).high
    assert index_of(light).has("gaussian_not_rejected")
