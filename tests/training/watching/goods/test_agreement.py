"""The agreement of training and held-out gradients, where it is known."""

import pytest
import torch
from torch import nn

from sdesim.training.watching.goods.agreement import Agreement
from tests.training.watching.goods.bowls import visit


def linear(output, y):
    # Its gradient is the mean of the inputs, whatever the weights.
    return output.mean() + 0.0 * y.sum()


def sets(noise, n=400):
    generator = torch.Generator().manual_seed(1)
    one = torch.tensor([3.0, 0.0, 0.0, 0.0])
    other = torch.tensor([3.0, 4.0, 0.0, 0.0])
    made = [(m + noise * torch.randn(n, 4, generator=generator), torch.zeros(n)) for m in (one, other)]
    return made[0], made[1]


def test_without_noise_it_is_the_cosine_after_three_purchases():
    net, (train, held) = nn.Linear(4, 1, bias=False), sets(0.0)
    agreement, optimizer = Agreement(), torch.optim.SGD(net.parameters(), lr=0.1)
    found = [
        agreement.buy(visit(net, optimizer, train, held, at=k, function=linear)).estimates[
            "gradient_agreement"
        ]
        for k in range(3)
    ]

    assert [e.has("unresolved") for e in found] == [True, True, False]
    assert found[2].value == pytest.approx(0.6, rel=1e-6)


def test_noise_does_not_lower_it():
    net, (train, held) = nn.Linear(4, 1, bias=False), sets(8.0)
    mean, other = train[0].mean(dim=0), held[0].mean(dim=0)
    truth = float(torch.nn.functional.cosine_similarity(mean, other, dim=0))
    agreement, optimizer = Agreement(), torch.optim.SGD(net.parameters(), lr=0.1)
    for k in range(64):
        sold = agreement.buy(visit(net, optimizer, train, held, at=k, size=16, function=linear))
    found = sold.estimates["gradient_agreement"]

    # A batch's noise is 8²·4/16 = 16 beside signals of 9 and 25: cosines of single gradients are half of it.
    # Five standard errors (6e-7).
    assert abs(found.value - truth) < 5 * found.details["error"]
    assert found.details["error"] < 0.25
    assert found.low <= truth <= found.high


def test_rows_travel_in_the_state():
    net, (train, held) = nn.Linear(4, 1, bias=False), sets(1.0)
    first, later = Agreement(), Agreement()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for k in range(3):
        sold = first.buy(visit(net, optimizer, train, held, at=k, function=linear))
    later.restore(first.state())

    assert later.state() == first.state()
    assert sold.values["gradient_agreement_count"] == 3
    assert Agreement().misses(None, None) == "no held-out examples"
