"""Recipes of optimizers: torch's steps, and what each says of the SDE."""

import pytest

from sdesim.kinds import Misfit, names_of, read
from sdesim.optimizers import (
    ASGD,
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Lion,
    Muon,
    NAdam,
    RAdam,
    RMSprop,
    Rprop,
)
from sdesim.optimizers.lion import LionOptimizer

torch = pytest.importorskip("torch")

CASES = {
    "adadelta": (Adadelta(0.5, rho=0.8, weight_decay=0.1), torch.optim.Adadelta,
                 {"lr": 0.5, "rho": 0.8, "weight_decay": 0.1}),
    "adafactor": (Adafactor(0.1, beta2_decay=-0.5, eps=[1e-6, 1e-4], d=2, weight_decay=0.1),
                  torch.optim.Adafactor,
                  {"lr": 0.1, "beta2_decay": -0.5, "eps": (1e-6, 1e-4), "d": 2.0, "weight_decay": 0.1}),
    "asgd": (ASGD(0.1, lambd=0.01, alpha=0.5, t0=3, weight_decay=0.1), torch.optim.ASGD,
             {"lr": 0.1, "lambd": 0.01, "alpha": 0.5, "t0": 3.0, "weight_decay": 0.1}),
    "rprop": (Rprop(0.1, etas=(0.4, 1.3), step_sizes=(1e-3, 2)), torch.optim.Rprop,
              {"lr": 0.1, "etas": (0.4, 1.3), "step_sizes": (1e-3, 2.0)}),
    "sgd": (SGD(0.1, 4, 0.9, 0.0, True, 0.01), torch.optim.SGD,
            {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    "adam": (Adam(0.01, betas=[0.8, 0.9], weight_decay=0.1), torch.optim.Adam,
             {"lr": 0.01, "betas": (0.8, 0.9), "weight_decay": 0.1}),
    "adamw": (AdamW(0.01, eps=1e-6, weight_decay=1), torch.optim.AdamW,
              {"lr": 0.01, "eps": 1e-6, "weight_decay": 1.0}),
    "adagrad": (Adagrad(0.1, lr_decay=0.1, initial_accumulator_value=0.5), torch.optim.Adagrad,
                {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.5}),
    "adamax": (Adamax(0.01, betas=(0.8, 0.9)), torch.optim.Adamax, {"lr": 0.01, "betas": (0.8, 0.9)}),
    "lion": (Lion(0.01, weight_decay=0.1), LionOptimizer, {"lr": 0.01, "weight_decay": 0.1}),
    "muon": (Muon(0.01, momentum=0.9, adjust="match_rms_adamw"), torch.optim.Muon,
             {"lr": 0.01, "momentum": 0.9, "adjust_lr_fn": "match_rms_adamw"}),
    "nadam": (NAdam(0.01, weight_decay=0.1, decoupled_weight_decay=True), torch.optim.NAdam,
              {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    "radam": (RAdam(0.01, eps=1e-6), torch.optim.RAdam, {"lr": 0.01, "eps": 1e-6}),
    "rmsprop": (RMSprop(0.01, alpha=0.9, momentum=0.5, centered=True), torch.optim.RMSprop,
                {"lr": 0.01, "alpha": 0.9, "momentum": 0.5, "centered": True}),
}  # fmt: skip


def walk(make):
    """Parameters after ten steps down a bowl."""
    theta = torch.nn.Parameter(torch.tensor([[1.0, -2.0]], dtype=torch.float64))
    optimizer = make([theta])
    for _ in range(10):
        optimizer.zero_grad()
        (torch.tensor([1.0, 3.0]) * theta**2).sum().backward()
        optimizer.step()
    return theta.detach()


def test_every_optimizer_of_the_registry_is_tested_here():
    assert set(CASES) == set(names_of("optimizers"))


@pytest.mark.parametrize("name", CASES)
def test_steps_are_those_of_torch(name):
    recipe, cls, settings = CASES[name]

    made = recipe.build([torch.nn.Parameter(torch.zeros(1, 1))])

    assert type(made) is cls
    assert torch.equal(walk(recipe.build), walk(lambda p: cls(p, **settings)))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "sgd"}, "lr: missing"),
        ({"kind": "sgd", "lr": 0}, "lr: found 0, allowed: a number above 0"),
        ({"kind": "sgd", "lr": 1, "momentum": 1}, "momentum: found 1, allowed: a number below 1"),
        (
            {"kind": "sgd", "lr": 1, "betas": [0, 0]},
            "betas: unknown field, allowed: lr, batch_size, momentum",
        ),
        (
            {"kind": "sgd", "lr": 1, "nesterov": True},
            "nesterov: nesterov needs a momentum above 0 and no damp",
        ),
        ({"kind": "adam", "lr": 1, "betas": [0.9]}, "betas: found"),
        ({"kind": "adam", "lr": 1, "betas": [0.9, 1]}, "betas[1]: found 1, allowed: a number below 1"),
        ({"kind": "adamw", "lr": 1, "batch_size": 2.5}, "batch_size: found 2.5, allowed: a whole number"),
        (
            {"kind": "sgdd", "lr": 1},
            "kind: found 'sgdd', allowed: adadelta, adafactor, adagrad, adam, adamax,",
        ),
    ],
)
def test_wrong_settings_are_named(fields, words):
    with pytest.raises(Misfit) as caught:
        read("optimizers", fields)

    assert str(caught.value).startswith(words)
