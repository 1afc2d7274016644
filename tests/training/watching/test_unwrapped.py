"""What is taken off a model and an optimizer, and what is not."""

import pytest
import torch
from torch import nn

from sdesim.errors import RunError
from sdesim.training.watching.unwrapped import bare_optimizer, trained_parameters, unwrapped
from tests.training.watching.loops import network


class Wrapper(nn.Module):
    """What data parallelism, and one with a parameter of its own, look like."""

    def __init__(self, module, own=False):
        super().__init__()
        self.module = module
        self.own = nn.Parameter(torch.zeros(1)) if own else None


class Holder:
    def __init__(self, optimizer):
        self.optimizer = optimizer


def test_an_optimizer_comes_out_of_what_holds_it():
    optimizer = torch.optim.Adam(network().parameters())

    assert bare_optimizer(Holder(Holder(optimizer))) is optimizer
    with pytest.raises(RunError, match="optimizer: found Holder, allowed: one of torch"):
        bare_optimizer(Holder(None))


def test_a_model_comes_out_of_its_wrappers_unless_they_train_something():
    net = network()
    compiled = torch.compile(net, backend="eager")
    wrapped = Wrapper(compiled)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

    assert unwrapped(wrapped, trained_parameters(optimizer)) == [wrapped, compiled, net]
    prompt = Wrapper(net, own=True)
    assert unwrapped(prompt, prompt.parameters()) == [prompt]


def test_parameters_that_are_not_trained_and_repeated_ones_are_left_out():
    net = network()
    net[0].weight.requires_grad_(False)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

    assert [p.shape for p in trained_parameters(optimizer)] == [(8,), (2, 8), (2,)]
