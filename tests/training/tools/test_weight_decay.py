"""Weight decay chosen among candidates."""

import math

import pytest
import torch
from torch import nn

from sdesim.errors import RunError
from sdesim.training import (
    choose_weight_decay,
    mlp,
)


def held_out():
    g = torch.Generator().manual_seed(0)
    x = torch.randn(200, 4, generator=g, dtype=torch.float64)
    return x, x[:, :1] - x[:, 1:2]


def shrunk(decay):
    """The exact solution, shrunk by 1/(1 + decay)."""
    net = mlp([4, 1], seed=0)
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0, -1.0, 0.0, 0.0]]) / (1 + decay))
        net[0].bias.zero_()
    return net


def test_weight_decay_by_validation_takes_the_smallest_loss_and_by_c_the_one_furthest_from_it():
    choices = {
        m: choose_weight_decay(shrunk, (0.1, 1.0, 3.0), held_out(), nn.functional.mse_loss, method=m)
        for m in ("validation", "debiased", "literal")
    }

    # The residual is (1 − 1/(1 + w)) of the target: the loss is least at w = 0.1. Gradients at different w
    # are the same up to that factor, so that C is the same for all: the choice by it is a tie.
    validation, literal = choices["validation"], choices["literal"]
    assert validation.value == 0.1
    assert validation.tied == (0.1,)
    assert set(choices["debiased"].tied) == {0.1, 1.0, 3.0}
    c = [literal.criterion[w].value for w in (0.1, 1.0, 3.0)]
    assert c == pytest.approx([c[0]] * 3, rel=1e-6)
    assert choices["debiased"].criterion[0.1].value < c[0]


def test_a_diverged_candidate_is_never_chosen():
    def train(decay):
        net = shrunk(0.0)
        if decay > 1:
            with torch.no_grad():
                net[0].weight.fill_(math.nan)
        return net

    found = choose_weight_decay(train, (0.5, 2.0), held_out(), nn.functional.mse_loss)

    assert found.value == 0.5
    with pytest.raises(RunError, match="every training diverged"):
        choose_weight_decay(train, (2.0, 3.0), held_out(), nn.functional.mse_loss)
    with pytest.raises(RunError, match="at least two different"):
        choose_weight_decay(train, (0.1,), held_out(), nn.functional.mse_loss)
