"""Norms of examples from the training's own backward pass are those of a pass of their own."""

import copy

import pytest
import torch
from torch import nn

from sdesim.training import example_norms
from sdesim.training.watching.examples import ExampleShares
from tests.training.probes.test_example_norms import CASES


def at_once(work):
    with torch.no_grad():
        work()


@pytest.mark.parametrize("case", CASES)
def test_squares_are_those_of_example_norms_and_the_gradient_is_as_it_was(case):
    net, x, y, loss = CASES[case]
    net = copy.deepcopy(net).double()
    plain = copy.deepcopy(net)
    loss(plain(x), y).backward()
    shares = ExampleShares(net, list(net.parameters()), at_once)
    loss(net(x), y).backward()
    at_once(lambda: shares.collect(len(x)))
    shares.close()

    found = example_norms(plain, loss, x, y)
    assert shares.squares == pytest.approx(float(found.squares.sum()) / len(x) ** 2, rel=1e-10)
    for p, q in zip(net.parameters(), plain.parameters(), strict=True):
        assert torch.equal(p.grad, q.grad)
    assert not any(part._forward_hooks for part in net.modules())


def test_a_gradient_that_examples_do_not_add_up_to_is_refused():
    net = nn.Linear(3, 2)
    shares = ExampleShares(net, list(net.parameters()), at_once)
    output = net(torch.ones(4, 3))
    (output.square().mean() + net.weight.square().sum()).backward()

    at_once(lambda: shares.collect(4))
    assert "weight is used in another way" in str(shares.failed)
    assert shares.squares is None


def test_one_example_has_no_parts():
    net = nn.Linear(3, 2)
    shares = ExampleShares(net, list(net.parameters()), at_once)
    shares.collect(1)
    shares.collect(None)
    assert shares.squares is None
