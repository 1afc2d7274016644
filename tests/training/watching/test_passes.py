"""Passes that leave the training as it was."""

import pytest
import torch
from torch import nn

from sdesim.errors import RunError
from sdesim.training.watching.passes import Passes


def made():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 1))
    model[0].bias.requires_grad_(False)
    x, y = torch.randn(8, 4), torch.randn(8, 1)
    return model, torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1), x, y


def test_losses_and_gradients_are_those_of_training_and_nothing_is_written():
    model, optimizer, x, y = made()
    nn.MSELoss()(model(x), y).backward()
    held = {name: t.clone() for name, t in model.state_dict().items()}
    kept = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
    called = []
    model[0].weight.register_hook(lambda g: called.append(1))
    passes, found = Passes(model, nn.MSELoss(), optimizer), {}
    random = torch.get_rng_state()
    with passes.open():
        value = passes.loss(x, y, 3)
        passes.gradient(x, y, 3, lambda k, g: found.setdefault(k, g.clone()))

    assert not called
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(t, held[name]) for name, t in model.state_dict().items())
    for p, grad in zip(model.parameters(), kept, strict=True):
        assert p.grad is None if grad is None else torch.equal(p.grad, grad)
    assert not any(p._backward_hooks for p in passes.parameters[1:])
    model[0].weight._backward_hooks.clear()
    torch.manual_seed(3)
    loss = nn.MSELoss()(model(x), y)
    assert value == float(loss.detach())
    grads = torch.autograd.grad(loss, passes.parameters)
    assert len(grads) == 5
    assert all(torch.equal(found[k], g) for k, g in enumerate(grads))


def test_other_weights_stand_in_and_are_gone_even_after_an_error():
    model, optimizer, *_ = made()
    passes, seen = Passes(model, nn.MSELoss(), optimizer), []
    pointers = [p.data_ptr() for p in passes.parameters]

    def fails():
        with passes.at(lambda k, p: p + 1.0):
            seen.extend(p.data_ptr() for p in passes.parameters)
            raise RunError("in between")

    with pytest.raises(RunError, match="in between"):
        fails()

    assert not set(seen) & set(pointers)
    assert [p.data_ptr() for p in passes.parameters] == pointers


def test_an_autocast_inside_is_seen():
    model, optimizer, x, y = made()

    class Casting(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = model

        def forward(self, given):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                return self.inner(given).float()

    casting = Casting()
    for network, rounds in ((model, False), (casting, True)):
        passes = Passes(network, nn.MSELoss(), optimizer)
        with passes.open():
            assert passes.rounds(x, y, 0) is rounds
