"""Lion by its recipe: two steps by hand."""

import copy
import pickle

import pytest

from sdesim.optimizers import Lion

torch = pytest.importorskip("torch")


def test_two_steps_are_those_of_the_algorithm():
    theta = torch.nn.Parameter(torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64))
    optimizer = Lion(0.125, betas=(0.5, 0.75), weight_decay=0.5).build([theta])

    # m = 0: sign(½ g), and m = ¼ g; a gradient of 0 moves nothing but by the decay, η w = 1/16.
    theta.grad = torch.tensor([4.0, -1.0, 0.0], dtype=torch.float64)
    optimizer.step()
    assert theta.tolist() == [0.9375 - 0.125, -1.875 + 0.125, 0.46875]
    assert optimizer.state[theta]["exp_avg"].tolist() == [1.0, -0.25, 0.0]

    # ½ m + ½ g = (½ − 1, −⅛ + ½, …): the signs turn.
    before = theta.detach().clone()
    theta.grad = torch.tensor([-2.0, 1.0, 1.0], dtype=torch.float64)
    optimizer.step()
    expected = 0.9375 * before - 0.125 * torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64)
    assert torch.equal(theta.detach(), expected)
    assert optimizer.state[theta]["exp_avg"].tolist() == [0.25, 0.0625, 0.25]


def test_it_copies_pickles_and_calls_its_closure_as_torchs_own():
    theta = torch.nn.Parameter(torch.tensor([1.0]))
    optimizer = Lion(0.5).build([{"params": [theta]}])

    def closure():
        optimizer.zero_grad()
        loss = (theta**2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 1.0
    assert theta.item() == 0.5
    for other in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        assert type(other) is type(optimizer)
        assert other.param_groups[0]["lr"] == 0.5
