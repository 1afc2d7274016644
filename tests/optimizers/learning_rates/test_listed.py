"""Torch's scheduler of rates that are known beforehand."""

import pytest

from sdesim.errors import RunError
from sdesim.optimizers import Muon
from sdesim.optimizers import learning_rates as rates

torch = pytest.importorskip("torch")

STEPS = 40


def test_each_group_has_its_own_rates_and_both_optimizers_of_muon_their_momentum():
    parameters = [torch.nn.Parameter(torch.zeros(2, 2)), torch.nn.Parameter(torch.zeros(2))]
    optimizer = Muon(0.2, adamw_lr=0.1).build(parameters)

    scheduler = rates.OneCycleLR().scheduler(STEPS)(optimizer)
    for _ in range(5):
        optimizer.step()
        scheduler.step()

    muon, adamw = optimizer.param_groups
    assert muon["lr"] == rates.OneCycleLR().rates(STEPS, 0.2)[5]
    assert adamw["lr"] == rates.OneCycleLR().rates(STEPS, 0.1)[5]
    assert muon["momentum"] == adamw["betas"][0] == rates.OneCycleLR().momentum(5, STEPS)
    state = scheduler.state_dict()
    again = rates.OneCycleLR().scheduler(STEPS)(optimizer)
    again.load_state_dict(state)
    again.step()
    assert optimizer.param_groups[0]["lr"] == rates.OneCycleLR().rates(STEPS, 0.2)[6]


def test_an_optimizer_without_momentum_has_none_to_move():
    optimizer = torch.optim.Adagrad([torch.nn.Parameter(torch.zeros(2))])

    with pytest.raises(RunError, match=r"^scheduler.cycle_momentum: Adagrad has no momentum: give false$"):
        rates.OneCycleLR().scheduler(STEPS)(optimizer)
    free = rates.OneCycleLR(cycle_momentum=False)
    assert free.scheduler(STEPS)(optimizer).get_last_lr() == free.rates(STEPS, 0.01)[:1]
