"""Halves of a batch of models whose layers have no formula: exact, and nothing of the training moves."""

import random

import numpy as np
import pytest
import torch
from torch import nn

from sdesim.errors import RunError
from sdesim.training.watching.calls import ModelCalls
from sdesim.training.watching.halves import halves
from tests.training.watching.loops import LOSS, examples

N = 7


def guard(work):
    with torch.no_grad():
        work()


class Prelu(nn.Module):
    """A layer without a formula, an output that another is made of, and what is asked for in between."""

    def __init__(self, between=None):
        super().__init__()
        self.first, self.bend, self.last = nn.Linear(6, 5), nn.PReLU(5), nn.Linear(5, 2)
        self.between = between or nn.Identity()

    def forward(self, x, several=False):
        hidden = self.between(self.bend(self.first(x)))
        return (hidden, self.last(hidden)) if several else self.last(hidden)


def passed(model, x, loss=LOSS, **named):
    """The call of one batch, as hooks keep it, after its backward pass."""
    y = examples()[1][: len(x)]
    calls = ModelCalls([model], guard)
    calls.attach(keep=True)
    output = model(x, **named)
    loss(output[-1] if isinstance(output, tuple) else output, y).backward()
    return calls.batch


def of(model, batch):
    parameters = list(model.parameters())
    sums = np.array([0.0 if p.grad is None else float((p.grad.double() ** 2).sum()) for p in parameters])
    return halves(model, parameters, batch, sums)


def expected(model, x):
    """|c_j|² of both halves, by passes of their own."""
    y, found = examples()[1][: len(x)], []
    for rows in (slice(0, len(x) // 2), slice(len(x) // 2, None)):
        value = LOSS(model(x[rows]), y[rows]) * len(x[rows]) / len(x)
        gradients = torch.autograd.grad(value, list(model.parameters()), allow_unused=True)
        found.append([0.0 if g is None else float((g.double() ** 2).sum()) for g in gradients])
    return np.array(found)


@pytest.mark.parametrize("several", [False, True])
def test_shares_of_halves_are_those_of_passes_of_their_own(several):
    torch.manual_seed(0)
    model, x = Prelu().double(), examples()[0][:N].double()

    found = of(model, passed(model, x, several=several))
    assert found == pytest.approx(expected(model, x), rel=1e-9)


def test_under_dropout_the_masks_are_those_of_the_training_and_all_generators_stay():
    torch.manual_seed(0)
    model, x = Prelu(nn.Dropout(0.4)).double(), examples()[0][:N].double()
    state = torch.get_rng_state()
    batch = passed(model, x)
    gradients = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
    # What a mask is after the call is known: the same dropout drawn again.
    torch.set_rng_state(state)
    mask = nn.functional.dropout(torch.ones(N, 5, dtype=torch.float64), 0.4)
    others = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002

    found = of(model, batch)
    y, parts = examples()[1][:N], []
    for rows in (slice(0, N // 2), slice(N // 2, N)):
        hidden = model.bend(model.first(x[rows])) * mask[rows]
        value = LOSS(model.last(hidden), y[rows]) * len(x[rows]) / N
        parts.append([float((g**2).sum()) for g in torch.autograd.grad(value, list(model.parameters()))])
    assert found == pytest.approx(np.array(parts), rel=1e-9)
    assert torch.equal(torch.get_rng_state(), others[0])
    assert np.random.get_state()[1].tolist() == others[1]  # noqa: NPY002
    assert random.getstate() == others[2]
    for p, before in zip(model.parameters(), gradients, strict=True):
        assert torch.equal(p.grad, before)


class Writes(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(5))

    def forward(self, x):
        self.mean += x.detach().mean(dim=0)
        return x


class Meets(nn.Module):
    def forward(self, x):
        return x - x.mean(dim=0)


@pytest.mark.parametrize(
    ("between", "loss", "line"),
    [
        (nn.BatchNorm1d(5), LOSS, "examples meet in between"),
        (Writes(), LOSS, "writes to between.mean"),
        (Meets(), LOSS, "other outputs for half a batch"),
        (None, "penalty", "halves of the batch do not add up to its gradient"),
    ],
)
def test_what_has_no_halves_is_refused(between, loss, line):
    torch.manual_seed(0)
    model = Prelu(between)
    if loss == "penalty":
        loss = lambda output, y: LOSS(output, y) + model.last.weight.square().sum()  # noqa: E731
    batch = passed(model, examples()[0][:N], loss)

    with pytest.raises(RunError, match=line) as told:
        of(model, batch)
    assert "\n" not in str(told.value)


class Counts(nn.Module):
    """Keeps a count, a queue and a generator of its own."""

    def __init__(self):
        super().__init__()
        self.calls, self.queue, self.own = 0, torch.zeros(6, 5), torch.Generator().manual_seed(0)

    def forward(self, x):
        self.calls += 1
        self.queue = torch.cat([self.queue[len(x) :], x.detach()])
        torch.rand(1, generator=self.own)
        return x


def test_what_a_model_keeps_in_its_own_attributes_is_as_it_was():
    counts = Counts()
    model = Prelu(counts)
    batch = passed(model, examples()[0][:N])
    calls, queue, state = counts.calls, counts.queue.clone(), counts.own.get_state()

    of(model, batch)
    assert counts.calls == calls
    assert torch.equal(counts.queue, queue)
    assert torch.equal(counts.own.get_state(), state)


def test_a_sequence_first_batch_is_halved_along_its_second_axis():
    torch.manual_seed(0)
    model = nn.GRU(3, 2).double()
    x = torch.randn(5, 4, 3, dtype=torch.float64)
    calls = ModelCalls([model], guard)
    calls.attach(keep=True)
    model(x)[0].square().mean().backward()
    batch = calls.batch

    assert (batch.size, batch.axis) == (4, 1)
    parts = []
    for rows in (slice(0, 2), slice(2, 4)):
        value = model(x[:, rows])[0].square().mean() / 2
        parts.append([float((g**2).sum()) for g in torch.autograd.grad(value, list(model.parameters()))])
    assert of(model, batch) == pytest.approx(np.array(parts), rel=1e-9)
