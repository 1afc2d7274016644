"""What an optimizer says that says nothing."""

import pickle
from dataclasses import dataclass

import pytest

from sdesim.errors import RunError
from sdesim.kinds import Misfit, dump, kind, read
from sdesim.optimizers import SGD, Adam, Base, Muon

NAMES = ["0.weight", "0.bias", "2.weight", "2.bias"]


def test_what_is_not_said_counts_as_unlike_gradient_descent():
    silent = Base()

    assert (silent.plain, silent.beside_plain, silent.momentum) == (False, ("kind",), 0.0)
    assert (silent.preconditioner, silent.decoupled_decay, silent.scheme()) == (None, False, None)
    with pytest.raises(NotImplementedError, match=r"^Base needs build\(\)$"):
        silent.build([])


def grouped(*groups, **fields):
    return SGD(0.1, **fields, groups=groups)


def test_groups_are_plain_data_and_back_in_python_as_in_a_file():
    plain = {"kind": "sgd", "lr": 0.1, "groups": [{"match": "*.bias", "weight_decay": 0.5}]}

    made = read("optimizers", plain)

    assert made == grouped({"match": "*.bias", "weight_decay": 0.5})
    assert dump(made)["groups"] == plain["groups"]
    assert pickle.loads(pickle.dumps(made)) == made
    assert (made.plain, made.scheme(), made.beside_plain) == (False, None, ("groups",))
    assert SGD(0.1).groups == ()


def test_the_first_pattern_holds_and_the_rest_have_the_settings_of_all():
    torch = pytest.importorskip("torch")
    parameters = [torch.nn.Parameter(torch.zeros(2)) for _ in NAMES]
    recipe = grouped({"match": "2.*", "lr": 0.5}, {"match": "*.bias", "momentum": 0.9}, weight_decay=0.25)

    made = recipe.build_named(NAMES, parameters)

    assert type(made) is torch.optim.SGD
    places = {id(p): name for name, p in zip(NAMES, parameters, strict=True)}
    found = [([places[id(p)] for p in g["params"]], g["lr"], g["momentum"]) for g in made.param_groups]
    assert found == [(["0.weight"], 0.1, 0.0), (["0.bias"], 0.1, 0.9), (["2.weight", "2.bias"], 0.5, 0.0)]
    assert [g["weight_decay"] for g in made.param_groups] == [0.25] * 3
    assert recipe.overlap(NAMES) == "of several patterns that match the first holds, for 2.bias"
    assert grouped({"match": "2.*"}, {"match": "0.*"}).overlap(NAMES) == ""
    assert len(SGD(0.1).build_named(NAMES, parameters).param_groups) == 1


def test_muon_has_groups_of_both_its_optimizers():
    torch = pytest.importorskip("torch")
    parameters = [torch.nn.Parameter(torch.zeros((2, 2) if "weight" in n else 2)) for n in NAMES]

    made = Muon(0.1, adamw_lr=0.01, groups=[{"match": "2.*", "lr": 0.5}]).build_named(NAMES, parameters)

    assert [type(part).__name__ for part in made.parts] == ["Muon", "AdamW"]
    assert [[g["lr"] for g in part.param_groups] for part in made.parts] == [[0.1, 0.5], [0.01, 0.01]]


def test_an_optimizer_of_ones_own_has_groups_too():
    torch = pytest.importorskip("torch")

    @kind("optimizers", "tested-halving")
    @dataclass(frozen=True)
    class Halving(Base):
        """Of the test.

        Args:
            lr: η.
            batch_size: B.
        """

        lr: float = 1.0
        batch_size: int | None = None

        def build(self, parameters):
            return torch.optim.SGD(parameters, lr=self.lr / 2)

    try:
        parameters = [torch.nn.Parameter(torch.zeros(2)) for _ in NAMES]
        made = Halving(groups=[{"match": "0.*", "lr": 4.0}]).build_named(NAMES, parameters)
    finally:
        from sdesim.kinds.registry import _REGISTERED

        del _REGISTERED["optimizers"]["tested-halving"]

    assert [(g["lr"], len(g["params"])) for g in made.param_groups] == [(0.5, 2), (2.0, 2)]


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ({"lr": 1}, "groups[0].match: missing: a pattern of names such as *.bias"),
        ({"match": 3}, "groups[0].match: found 3, allowed: a pattern of names such as *.bias"),
        ({"match": "*", "lr": 0}, "groups[0].lr: found 0, allowed: a number above 0"),
        ({"match": "*", "rate": 1}, "groups[0].rate: unknown field, allowed: lr, betas, eps"),
        ({"match": "*", "batch_size": 1}, "groups[0].batch_size: unknown field, allowed: lr, betas, eps"),
        ({"match": "*", "fused": True}, "groups[0].fused: unknown field"),
    ],
)
def test_a_group_with_wrong_settings_is_named(group, words):
    with pytest.raises(Misfit) as caught:
        read("optimizers", {"kind": "adam", "lr": 0.1, "groups": [group]})

    assert str(caught.value).startswith(words)


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        (
            [{"match": "head.*"}],
            "optimizer.groups[0].match: found 'head.*', which matches no parameter, allowed: a pattern of "
            "0.weight, 0.bias, 2.weight, 2.bias",
        ),
        (
            [{"match": "*"}, {"match": "*.bias"}],
            "optimizer.groups[1].match: found '*.bias', all of whose parameters match a pattern before it",
        ),
        (
            [{"match": "*.bias", "lr": 0.3}, {"match": "*.weight", "lr": 0.2}],
            "optimizer.lr: found 0.1, which no parameter has",
        ),
    ],
)
def test_patterns_are_held_against_the_names_that_there_are(groups, words):
    with pytest.raises(RunError) as caught:
        Adam(0.1, groups=groups).build_named(NAMES, [None] * 4)

    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)
