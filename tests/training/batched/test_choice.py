"""Network, batch size and what moves it choose whether seeds are trained side by side, never their number."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import sdesim
from sdesim import data
from sdesim.runs.sizes import SEEDS
from sdesim.training import Clients, mlp
from sdesim.training.batched.choice import seeds_at_once
from sdesim.training.loop.prepared import prepare
from sdesim.training.loop.recipe import Recipe

DIGITS = data.digits(60, 40, seed=0)
SGD = lambda p: torch.optim.SGD(p, lr=0.1)  # noqa: E731


def _chosen(probes=None, **changes):
    arguments = {
        "module": mlp([64, 8, 10], seed=0), "loss_fn": cross_entropy, "train": DIGITS, "test": None,
        "optimizer": SGD, "steps": 3, "batch_size": 10,
    }  # fmt: skip
    recipe = Recipe(**{**arguments, **changes})
    return seeds_at_once(prepare(recipe, save_every=None, save=("loss",), probes=probes))


@pytest.mark.parametrize("count", [1, 2, 33])
def test_the_number_of_seeds_changes_nothing(count):
    assert _chosen(trajectories=count) == SEEDS
    assert _chosen(trajectories=count, module=mlp([64, 200, 10], seed=0)) == 1


def test_the_network_of_the_quickstart_is_small_up_to_sixteen_examples():
    network = mlp([64, 32, 10], seed=0)

    assert [_chosen(module=network, batch_size=size) for size in (1, 8, 16, 17)] == [SEEDS, SEEDS, SEEDS, 1]


@pytest.mark.parametrize(
    "changes",
    [
        {"batch_size": None},
        {"module": nn.Sequential(nn.Linear(64, 8), nn.Dropout(0.1), nn.Linear(8, 10)).double()},
        {"loss_fn": lambda z, y: cross_entropy(z, y)},
        {"loss_fn": nn.CrossEntropyLoss(label_smoothing=0.1)},
        {"optimizer": sdesim.optimizers.Muon(0.01)},
        {"optimizer": lambda p: torch.optim.LBFGS(p, lr=0.1)},
        {"scheduler": lambda o: torch.optim.lr_scheduler.ReduceLROnPlateau(o)},
        {"augment": lambda x, g: x + torch.randn(x.shape, generator=g, dtype=x.dtype)},
        {"amplify": 2, "sampling": "with-replacement"},
        {"clients": Clients(count=4, local_steps=2, concentration=1.0)},
        {"probes": sdesim.Probes(every=2, samples=2, tangent=True)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_the_stack_does_not_cover_goes_by_the_loop(changes):
    assert _chosen(**changes) == 1
