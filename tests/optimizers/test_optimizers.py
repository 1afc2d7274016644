"""Recipes of optimizers: torch's steps, and what each says of the SDE."""

import pytest

from sdesim.kinds import Misfit, names_of, read
from sdesim.optimizers import SGD, Adam, AdamW

torch = pytest.importorskip("torch")

CASES = {
    "sgd": (SGD(0.1, 4, 0.9, 0.0, True, 0.01), torch.optim.SGD,
            {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    "adam": (Adam(0.01, betas=[0.8, 0.9], weight_decay=0.1), torch.optim.Adam,
             {"lr": 0.01, "betas": (0.8, 0.9), "weight_decay": 0.1}),
    "adamw": (AdamW(0.01, eps=1e-6, weight_decay=1), torch.optim.AdamW,
              {"lr": 0.01, "eps": 1e-6, "weight_decay": 1.0}),
}  # fmt: skip


def walk(make):
    """Parameters after ten steps down a bowl."""
    theta = torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
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

    made = recipe.build([torch.nn.Parameter(torch.zeros(1))])

    assert type(made) is cls
    assert torch.equal(walk(recipe.build), walk(lambda p: cls(p, **settings)))


def test_plain_sgd_alone_is_gradient_descent():
    plain = SGD(0.1)

    assert (plain.plain, plain.beside_plain, plain.preconditioner) == (True, (), None)
    assert SGD(0.1, momentum=0.9).beside_plain == ("momentum",)
    assert not SGD(0.1, momentum=0.9).plain
    assert SGD(0.1, weight_decay=1e-3).beside_plain == ("weight_decay",)
    assert (Adam(0.1).plain, Adam(0.1).beside_plain, Adam(0.1).momentum) == (False, ("kind",), 0.0)
    assert (Adam(0.1).preconditioner, Adam(0.1).decoupled_decay, AdamW(0.1).decoupled_decay) == (
        "adam",
        False,
        True,
    )


def test_the_scheme_of_the_sde_follows_the_momentum_and_others_have_none():
    from sdesim.engine.schemes import EulerMaruyama, HeavyBall

    assert isinstance(SGD(0.1).scheme(), EulerMaruyama)
    heavy = SGD(0.1, momentum=0.9, nesterov=True).scheme()
    assert isinstance(heavy, HeavyBall)
    assert (heavy.momentum, heavy.nesterov) == (0.9, True)
    dampened = SGD(0.1, momentum=0.5, dampening=0.1)
    for recipe in (SGD(0.1, weight_decay=0.1), dampened, Adam(0.1), AdamW(0.1)):
        assert recipe.scheme() is None
    assert SGD(0.1, dampening=0.1).scheme() is not None


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
        ({"kind": "sgdd", "lr": 1}, "kind: found 'sgdd', allowed: adam, adamw, sgd, did you mean 'sgd'?"),
    ],
)
def test_wrong_settings_are_named(fields, words):
    with pytest.raises(Misfit) as caught:
        read("optimizers", fields)

    assert str(caught.value).startswith(words)
