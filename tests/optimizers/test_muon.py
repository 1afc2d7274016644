"""Muon by its recipe: matrices by Muon, all other parameters by AdamW, in one optimizer."""

import copy

import pytest

from sdesim.optimizers import Muon

torch = pytest.importorskip("torch")


def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv1d(2, 3, 2), torch.nn.Flatten(), torch.nn.Linear(6, 2))


X = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(0))


def walk(module, optimizer, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        module(X).square().mean().backward()
        optimizer.step()


def test_each_parameter_moves_as_by_its_own_optimizer_alone():
    module, other = network(), network()
    joint = Muon(0.1, adamw_lr=0.01).build(module.parameters())
    matrices = [p for p in other.parameters() if p.ndim == 2]
    rest = [p for p in other.parameters() if p.ndim != 2]
    muon = torch.optim.Muon(matrices, lr=0.1)
    adamw = torch.optim.AdamW(rest, lr=0.01, weight_decay=0.1)

    walk(module, joint, 4)
    for _ in range(4):
        other.zero_grad()
        other(X).square().mean().backward()
        muon.step()
        adamw.step()

    for one, two in zip(module.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)


def test_a_schedule_moves_the_rates_of_both():
    joint = Muon(0.1, adamw_lr=0.01).build(network().parameters())

    torch.optim.lr_scheduler.LambdaLR(joint, lambda step: 0.5)

    assert [g["lr"] for part in joint.parts for g in part.param_groups] == [0.05, 0.005]


@pytest.mark.parametrize("copied", ["state", "deep"])
def test_what_is_copied_or_loaded_goes_on_with_the_same_bits(copied):
    module = network()
    joint = Muon(0.1).build(module.parameters())
    walk(module, joint, 3)

    if copied == "deep":
        other, again = copy.deepcopy((module, joint))
    else:
        other = copy.deepcopy(module)
        again = Muon(0.1).build(other.parameters())
        again.load_state_dict(copy.deepcopy(joint.state_dict()))
    walk(module, joint, 3)
    walk(other, again, 3)

    for one, two in zip(module.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)
    assert len(again.state) == 4


def test_groups_keep_their_settings_and_one_optimizer_alone_stands_for_itself():
    module = network()
    joint = Muon(0.1).build(
        [{"params": module[0].parameters(), "lr": 0.3}, {"params": module[2].parameters()}]
    )

    assert [(g["lr"], len(g["params"])) for g in joint.param_groups] == [(0.1, 1), (0.3, 2), (0.1, 1)]
    assert type(Muon(0.1).build([module[2].weight])) is torch.optim.Muon
    assert type(Muon(0.1).build([module[2].bias])) is torch.optim.AdamW
