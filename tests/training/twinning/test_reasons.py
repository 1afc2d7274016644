"""Why a run is not of what is given beside it."""

import pytest
import torch
from torch import nn

from sdesim import training
from sdesim.errors import RunError

X, Y = torch.linspace(-1, 1, 40).reshape(20, 2), (torch.arange(20) % 3 > 0).long()


def net():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2)).double()


@pytest.fixture(scope="module")
def run():
    return recorded(net().eval())


def recorded(module):
    return training.record(
        module, nn.CrossEntropyLoss(), (X, Y), None, lambda p: torch.optim.SGD(p, lr=0.1), steps=2,
        batch_size=5,
        sampling="with-replacement", progress=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((net().train(), nn.CrossEntropyLoss(), (X, Y)), "in evaluation mode, this one is in training"),
        (
            (net().eval(), nn.CrossEntropyLoss(), (X[:18], Y[:18])),
            "trained on 20 examples, these",
        ),
        (
            (net().eval(), nn.CrossEntropyLoss(label_smoothing=0.2), (X, Y)),
            "this loss, or else the data, are not",
        ),
        (
            (net().eval(), nn.CrossEntropyLoss(), (2 * X[:, :1] - X, 1 - Y)),
            "the data, or the network, are not the run's",
        ),
        (
            (nn.Linear(2, 2).double(), nn.CrossEntropyLoss(), (X, Y)),
            "the run has 30 parameters, the module 6",
        ),
    ],
)
def test_the_true_reason_is_told(run, given, said):
    with pytest.raises(RunError, match=said):
        training.twin(run, *given, noise="none", progress=False)
