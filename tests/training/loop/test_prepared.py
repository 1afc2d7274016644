"""What is asked of a network, its loss and its optimizer before a training begins."""

import pytest
from torch import nn

from sdesim.errors import RunError
from sdesim.optimizers import SGD
from sdesim.optimizers.learning_rates import Cosine, OneCycleLR
from sdesim.training import mlp
from tests.training.breadth import OPTIM, train


def meta():
    network = mlp([64, 8, 10], seed=0)
    network[2].to("meta")
    return network


def weights_frozen():
    network = mlp([64, 8, 10], seed=0)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.endswith("bias"))
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
    (
        {"network": weights_frozen(), "optimizer": SGD(0.1, groups=[{"match": "*.bias", "lr": 0.3}])},
        "^optimizer.lr: found 0.1, at which no parameter is trained; time and twins go by it",
    ),
    (
        {"optimizer": SGD(0.1, groups=[{"match": "head.*"}])},
        r"^optimizer.groups\[0\].match: found 'head.\*', which matches no parameter, allowed: a pattern of "
        "0.weight, 0.bias, 2.weight, 2.bias$",
    ),
    ({"scheduler": Cosine(warmup=8)}, "^scheduler.warmup: found 8, allowed: 0 to 7, fewer than the steps$"),
    (
        {"optimizer": SGD(0.1), "scheduler": OneCycleLR()},
        "^scheduler.cycle_momentum: found true, allowed: false beside sgd without momentum",
    ),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_what_cannot_be_trained_is_refused_in_one_line(changes, message):
    with pytest.raises(RunError, match=message) as caught:
        train(**changes)

    assert "\n" not in str(caught.value)


def test_a_parameter_of_two_patterns_is_told():
    groups = [{"match": "*.bias", "weight_decay": 0.5}, {"match": "0.*", "lr": 0.3}]

    with pytest.warns(
        UserWarning, match=r"groups: of several patterns that match the first holds, for 0.bias$"
    ):
        train(optimizer=SGD(0.1, groups=groups), steps=1)
