"""What passes add, and what gradients are after them."""

import numpy as np
import pytest
import torch
from torch import nn

from sdesim.training.watching.aside import aside
from sdesim.training.watching.backward import _HELD, Backward


def at_once(work):
    with torch.no_grad():
        work()


class Told:
    """A reader that takes down what it is told."""

    def __init__(self, *parameters):
        self.opened, self.ended = [], []
        self.reader = Backward(parameters, at_once, self.begins, lambda task, left: self.ended.append(left))
        self.reader.attach(parts=True)

    def begins(self, dropped):
        self.opened.append(dropped)
        if dropped:
            self.reader.begin()


def weights(n, value=1.0):
    return nn.Parameter(torch.full((n,), value))


def test_parts_and_sums_are_squares_of_what_was_added_and_was_there():
    small, large = weights(3), weights(_HELD + 5)
    told = Told(small, large)
    (2 * small.sum() + large.sum()).backward()
    (3 * small.sum()).backward()
    added = told.reader.added()

    assert told.reader.passes == 2
    assert added.parts == pytest.approx(np.array([[12.0, len(large)], [27.0, 0.0]]))
    assert added.sums == pytest.approx([75.0, len(large)])
    assert (added.dropped, added.left) == (False, False)
    assert told.opened == [False, False]
    assert [sorted(left) for left in told.ended] == [[0, 1], [0]]


def test_a_large_gradient_that_is_added_to_is_summed_at_once_and_rightly():
    large = weights(_HELD + 5)
    told = Told(large)
    for factor in (1, 2):
        (factor * large.sum()).backward()

    n = len(large)
    assert told.reader.added().parts[:, 0] == pytest.approx([n, 4 * n])
    assert told.reader.added().sums[0] == pytest.approx(9 * n)


def test_gradients_that_were_left_or_dropped_are_told():
    p = weights(2)
    (5 * p.sum()).backward()
    told = Told(p)
    p.sum().backward()
    assert told.reader.added().left

    told = Told(q := weights(2))
    q.sum().backward()
    q.grad = None
    (2 * q.sum()).backward()
    assert told.opened == [False, True]
    assert told.reader.added().parts[0, 0] == pytest.approx(8.0)

    told = Told(q := weights(2))
    q.sum().backward()
    q.grad.zero_()
    (2 * q.sum()).backward()
    assert told.reader.added().dropped


def test_zeros_are_nothing_that_was_left():
    p = weights(2)
    p.grad = torch.zeros(2)
    told = Told(p)
    p.sum().backward()

    assert not told.reader.added().left
    assert told.reader.added().sums[0] == pytest.approx(2.0)


def test_a_pass_of_reading_s_own_and_one_that_fails_are_none():
    p = weights(2)
    told = Told(p)
    with aside():
        p.sum().backward()
    assert told.reader.passes == 0

    class Fails(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            raise ValueError("no")

    p.grad, other = None, weights(2)
    told = Told(other)
    late = Fails.apply(p).sum() + (other * 1.0).sum()
    with pytest.raises(ValueError, match="no"):
        late.backward()
    assert told.reader.unfinished == (told.reader.passes > 0)


def test_detached_it_holds_nothing():
    p = weights(2)
    told = Told(p)
    told.reader.detach()
    p.sum().backward()

    assert told.reader.passes == 0
    assert not p._backward_hooks
