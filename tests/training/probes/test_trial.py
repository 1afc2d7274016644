"""What a few examples tell of a network and its loss."""

import pytest
import torch
from torch import nn

from sdesim.training.probes.trial import tried

X = torch.linspace(-1, 1, 32, dtype=torch.float64).reshape(16, 2)
Y = torch.arange(16) % 3


def network(*more):
    return nn.Sequential(nn.Linear(2, 3), *more).double()


@pytest.mark.parametrize(
    ("loss", "reduction"),
    [
        (nn.CrossEntropyLoss(), "mean"),
        (nn.CrossEntropyLoss(reduction="sum"), "sum"),
        (nn.CrossEntropyLoss(weight=torch.tensor([1.0, 5.0, 9.0], dtype=torch.float64)), "weighted mean"),
        (nn.CrossEntropyLoss(reduction="none"), "unknown"),
    ],
)
def test_the_reduction_is_told_from_the_losses_of_parts(loss, reduction):
    torch.manual_seed(0)

    assert tried(network(), loss, X, Y).reduction == reduction


def test_layers_that_differ_between_the_modes_are_named_and_no_generator_moves():
    model = network(nn.BatchNorm1d(3), nn.Dropout(0.5), nn.Dropout(0.0))
    before, mean = torch.get_rng_state(), model[1].running_mean.clone()

    trial = tried(model, nn.CrossEntropyLoss(), X, Y)

    assert trial.attributes() == {
        "loss_reduction": "mean", "modes": ["BatchNorm1d", "Dropout"], "coupled": True
    }  # fmt: skip
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(model[1].running_mean, mean)
    assert model.training
