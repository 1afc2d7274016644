"""Norms of examples from the training's own backward pass are those of a pass of their own."""

import copy

import pytest
import torch
from torch import nn

from sdesim.errors import RunError
from sdesim.training import example_norms
from sdesim.training.watching.calls import Batch
from sdesim.training.watching.examples import ExampleShares
from tests.training.probes.test_example_norms import CASES, Twice


def at_once(work):
    with torch.no_grad():
        work()


def read(net, x, y, loss, size, axis=0):
    """Σ|c_i|² by the names of parameters, from one backward pass."""
    batch = Batch(size, axis, x)
    tasks = []
    shares = ExampleShares(net, list(net.parameters()), at_once, lambda: batch)
    shares.open()
    next(net.parameters()).register_hook(lambda g: tasks.append(torch._C._current_graph_task_id()))
    loss(net(x), y).backward()
    at_once(lambda: shares.met(tasks[0], {id(p): p.grad for p in net.parameters() if p.grad is not None}))
    found = shares.result()
    shares.close()
    return {name: found[id(p)] for name, p in net.named_parameters()}


@pytest.mark.parametrize("case", CASES)
def test_squares_are_those_of_example_norms_and_the_gradient_is_as_it_was(case):
    net, x, y, loss = CASES[case]
    net = copy.deepcopy(net).double()
    plain = copy.deepcopy(net)
    loss(plain(x), y).backward()
    squares = read(net, x, y, loss, len(x))

    found = example_norms(plain, loss, x, y)
    for name, part in found.parts.items():
        assert squares[name] == pytest.approx(float(part.sum()) / len(x) ** 2, rel=1e-10)
    for p, q in zip(net.parameters(), plain.parameters(), strict=True):
        assert torch.equal(p.grad, q.grad)
    assert not any(part._forward_hooks for part in net.modules())


def test_examples_along_the_second_axis_are_told_apart_as_along_the_first():
    net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.LayerNorm(3), nn.Linear(3, 1)).double()
    other = copy.deepcopy(net)
    x = torch.randn(5, 6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    first = read(net, x, None, lambda output, y: output.square().mean(), 5)
    second = read(other, x.transpose(0, 1), None, lambda output, y: output.square().mean(), 5, axis=1)
    assert second == pytest.approx(first, rel=1e-12)


def test_a_layer_that_is_used_once_is_let_go_of_and_one_that_is_used_twice_is_kept():
    net = Twice().double()
    batch = Batch(4, 0, torch.ones(4, 4))
    shares = ExampleShares(net, list(net.parameters()), at_once, lambda: batch)
    shares.open()
    net(torch.randn(4, 4, dtype=torch.float64)).sum().backward()

    (held,) = shares._shares.values()
    assert set(held._uses) == {id(net.inner.weight)}
    assert set(held._done) == {id(net.out.weight), id(net.out.bias)}


def test_a_gradient_that_examples_do_not_add_up_to_is_refused():
    net = nn.Linear(3, 2)

    with pytest.raises(RunError, match="weight is used in another way"):
        read(net, torch.ones(4, 3), None, lambda out, y: out.square().mean() + net.weight.square().sum(), 4)


def test_a_layer_without_a_formula_is_refused_before_a_step_and_another_number_of_examples_in_it():
    net = nn.Sequential(nn.Linear(2, 2), nn.PReLU())
    with pytest.raises(RunError, match="shares of examples are not known of 1, a PReLU"):
        ExampleShares(net, list(net.parameters()), at_once, None)
    with pytest.raises(RunError, match="is not called on the 5 examples"):
        read(nn.Linear(3, 2), torch.ones(4, 3), None, lambda out, y: out.square().mean(), 5)
