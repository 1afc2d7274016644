"""A stack hands out the weights and states of its networks, and takes them over again."""

import pytest
import torch

from sdesim.errors import RunError
from sdesim.training import mlp
from sdesim.training.batched.stack import Stack

SIZE = 4


def _adam(parameters):
    return torch.optim.Adam(parameters, lr=0.01)


def _step(stack, seed):
    generator = torch.Generator().manual_seed(seed)
    for parameter in stack.parameters:
        parameter.grad = torch.randn(parameter.shape, dtype=parameter.dtype, generator=generator)
    stack.optimizer.step()


def test_what_is_handed_out_and_taken_over_goes_on_alike():
    models = [mlp([3, 2], seed=k) for k in range(3)]
    optimizers = [_adam(list(m.parameters())) for m in models]
    stack = Stack(models, _adam, SIZE)
    _step(stack, 1)
    stack.optimizer.param_groups[0]["lr"] = 0.02
    for at, optimizer in enumerate(optimizers):
        stack.give_weights(at)
        stack.give_state(at, optimizer)

    other = Stack(models, _adam, SIZE)
    other.take(optimizers)
    for one in (stack, other):
        _step(one, 2)

    for a, b in zip(stack.parameters, other.parameters, strict=True):
        assert torch.equal(a[:3], b[:3])
        # The place that no network fills goes on from the first.
        assert not torch.equal(b[3], b[0])
        for name in ("exp_avg", "exp_avg_sq"):
            assert torch.equal(stack.optimizer.state[a][name][:3], other.optimizer.state[b][name][:3])
    assert optimizers[2].param_groups[0]["lr"] == 0.02
    weight = next(models[2].parameters())
    assert optimizers[2].state[weight]["exp_avg"].shape == weight.shape


def test_a_network_that_is_read_can_be_changed_without_the_stack():
    models = [mlp([3, 2], seed=k) for k in range(2)]
    optimizer = _adam(list(models[0].parameters()))
    stack = Stack(models, _adam, SIZE)
    _step(stack, 1)
    before = [p.detach().clone() for p in stack.parameters]
    stack.give_weights(0)
    stack.give_state(0, optimizer)

    optimizer.state[next(models[0].parameters())]["exp_avg"].fill_(7.0)
    with torch.no_grad():
        next(models[0].parameters()).fill_(7.0)

    assert all(torch.equal(a, b) for a, b in zip(stack.parameters, before, strict=True))
    assert not (stack.optimizer.state[stack.parameters[0]]["exp_avg"] == 7.0).any()


@pytest.mark.parametrize(("key", "value"), [("own", torch.ones(5)), (None, 1)])
def test_a_state_that_is_no_part_of_a_network_is_refused(key, value):
    models = [mlp([3, 2], seed=0)]
    stack = Stack(models, _adam, SIZE)
    if key is None:
        stack.optimizer.state["all"] = {"count": value}
    else:
        stack.optimizer.state[stack.parameters[0]] = {key: value}

    with pytest.raises(RunError, match="the optimizer keeps a state"):
        stack.give_state(0, _adam(list(models[0].parameters())))
