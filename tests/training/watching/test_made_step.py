"""A step and the gradients at both its ends, on a quadratic: averaged over all batches, the exact E ΔL."""

import copy
import itertools

import pytest
import torch
from torch import nn

from sdesim.training.watching.made_step import MadeStep, linear_gains
from sdesim.training.watching.step_reader import StepReader

X = torch.tensor([[1.0, -0.5], [0.3, 2.0], [-1.2, 0.7]], dtype=torch.float64)
Y = torch.tensor([[0.5], [-1.0], [2.0]], dtype=torch.float64)
BATCHES = list(itertools.product(range(3), repeat=2))


def loss(model, rows):
    return ((model(X[list(rows)]) - Y[list(rows)]) ** 2).mean()


def started(settings, groups=False):
    torch.manual_seed(0)
    model = nn.Linear(2, 1).double()
    parts = [{"params": [model.weight]}, {"params": [model.bias], "lr": 0.02}] if groups else None
    optimizer = torch.optim.SGD(parts or model.parameters(), lr=0.1, **settings)
    for rows in ((0, 1), (2, 2), (1, 2)):
        optimizer.zero_grad()
        loss(model, rows).backward()
        optimizer.step()
    return model, optimizer


def guard(work):
    with torch.no_grad():
        work()


@pytest.mark.parametrize("groups", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"momentum": 0.9},
        {"momentum": 0.8, "nesterov": True},
        {"momentum": 0.8, "dampening": 0.5, "weight_decay": 0.1},
    ],
)
def test_the_mean_over_all_batches_is_the_mean_change_of_the_loss(settings, groups):
    start = started(settings, groups)
    everything, changes, read = [], [], []
    for first in BATCHES:
        model, optimizer = copy.deepcopy(start)
        parameters = list(model.parameters())
        reader = StepReader([model], parameters, guard, guard)
        optimizer.zero_grad()
        reader.arm(parts=True, examples=True)
        loss(model, first).backward()
        gains = [now for now, _ in linear_gains(optimizer, parameters)]
        step = reader.finish(gains=gains, hold=True)
        reader.disarm()
        before = float(loss(model, range(3)).detach())
        optimizer.step()
        at_start = reader.made.close()
        changes.append(float(loss(model, range(3)).detach()) - before)
        for second in BATCHES:
            other = copy.deepcopy(reader.made)
            other._parameters = parameters
            model.zero_grad()
            loss(model, second).backward()
            other.meet({k: p.grad for k, p in enumerate(parameters)})
            read.append(0.5 * (at_start + other.after(1.0)))
        everything.append(step.drag)

    assert sum(read) / len(read) == pytest.approx(sum(changes) / len(changes), rel=1e-10)
    assert min(everything) >= 0


@pytest.mark.parametrize("clip", [None, 0.3])
@pytest.mark.parametrize("make", [torch.optim.Adam, torch.optim.SGD, torch.optim.RMSprop])
def test_with_gradients_outside_the_step_it_is_that_of_any_optimizer(make, clip):
    torch.manual_seed(0)
    model = nn.Linear(2, 1).double()
    start = model, make(model.parameters(), lr=0.05)
    changes, read = [], []
    for first in BATCHES:
        model, optimizer = copy.deepcopy(start)
        parameters = list(model.parameters())
        # The mean over all batches outside the step.
        spare = torch.autograd.grad(loss(model, range(3)), parameters)
        before = float(loss(model, range(3)).detach())
        loss(model, first).backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(parameters, clip)
        made = MadeStep(parameters)
        made.open(spare, 0.0, 1.0, spare=True)
        optimizer.step()
        at_start = made.close()
        changes.append(float(loss(model, range(3)).detach()) - before)
        gradients = torch.autograd.grad(loss(model, range(3)), parameters)
        made.meet(dict(enumerate(gradients)))
        read.append(0.5 * (at_start + made.after(1.0)))

    assert read == pytest.approx(changes, rel=1e-10)
