"""A training's steps without their gradients."""

import numpy as np
import torch
from torch import nn

from sdesim import training
from sdesim.optimizers import Lion
from sdesim.training.twinning.rehearsal import kind_of, rehearsed


def recipe(optimizer, scheduler=None):
    data = torch.zeros(4, 2), torch.tensor([0, 1, 0, 1])
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))
    return training.Recipe(
        net, nn.CrossEntropyLoss(), data, None, optimizer, steps=5, batch_size=2, scheduler=scheduler
    )


def test_every_step_has_the_settings_and_the_rate_that_its_group_has_then():
    def optimizer(params):
        groups = [{"params": params[1::2], "weight_decay": 0.0}, {"params": params[::2], "lr": 0.3}]
        return torch.optim.AdamW(groups, lr=0.1, weight_decay=0.2)

    found = rehearsed(
        recipe(optimizer, lambda o: torch.optim.lr_scheduler.OneCycleLR(o, [0.1, 0.3], total_steps=6)), 5
    )

    biases, weights = found.groups
    assert (biases.parameters, weights.parameters) == ((1, 3), (0, 2))
    np.testing.assert_allclose(weights.rates, 3 * biases.rates, rtol=1e-12)
    np.testing.assert_array_equal(found.rates, biases.rates)
    # The cycle moves β₁ at every step, the decay stays.
    assert len({weights.equation(step).betas for step in range(6)}) > 3
    assert {one.decay for one in weights.equations} == {0.2}
    assert {one.decay for one in biases.equations} == {0.0}


def test_steps_without_an_sde_are_told_in_a_sentence():
    class Own(torch.optim.SGD):
        pass

    assert "no SDE is known for the steps of" in rehearsed(recipe(lambda p: Own(p, lr=0.1)), 5)
    assert "amsgrad" in rehearsed(recipe(lambda p: torch.optim.Adam(p, lr=0.1, amsgrad=True)), 5)

    def off(optimizer):
        return torch.optim.lr_scheduler.CyclicLR(
            optimizer, 0.1, 0.2, step_size_up=2, cycle_momentum=True, base_momentum=0.0, max_momentum=0.9
        )

    assert "turns on or off" in rehearsed(recipe(lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), off), 5)


def test_a_kind_is_known_by_what_it_was_made_of_or_by_torchs_class():
    parameter = nn.Parameter(torch.zeros(2))
    told = Lion(0.1)

    assert kind_of(told.build([parameter]), told) is Lion
    assert kind_of(torch.optim.RMSprop([parameter]), None).torch_name == "RMSprop"
