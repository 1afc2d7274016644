"""What is asked of a network, its loss and its optimizer before a training begins."""

import pytest
from torch import nn

from sdesim.errors import RunError
from sdesim.training import mlp
from tests.training.breadth import OPTIM, train


def meta():
    network = mlp([64, 8, 10], seed=0)
    network[2].to("meta")
    return network


def all_frozen():
    return mlp([64, 8, 10], seed=0).requires_grad_(False)


class Closureless(OPTIM.SGD):
    def step(self, closure=None):
        return super().step()


REFUSED = [
    ({"loss": nn.CrossEntropyLoss(reduction="none")}, r"got a tensor of shape \(10,\): take its mean"),
    ({"loss": lambda out, y: float(out.detach().sum())}, "must return a tensor with one number, got float"),
    ({"loss": lambda out, y: out.detach().sum()}, "the loss does not depend on any parameter"),
    ({"loss": lambda out, y: out.sum() * float("nan")}, "the loss is nan before the first step"),
    ({"network": mlp([63, 8, 10], seed=0)}, "fails on a batch of 10 training examples: mat1 and mat2"),
    ({"network": meta()}, "it is on cpu and meta: call module.cpu"),
    ({"network": all_frozen()}, "every parameter of the module is frozen"),
    ({"optimizer": lambda p: Closureless(p, lr=0.1)}, r"Closureless\.step\(closure\) must call its closure"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_what_cannot_be_trained_is_refused_in_one_line(changes, message):
    with pytest.raises(RunError, match=message) as caught:
        train(**changes)

    assert "\n" not in str(caught.value)
