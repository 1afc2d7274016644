"""A recipe is a training as one object; whatever takes the keywords of a training takes one instead."""

from __future__ import annotations

import ast
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

import sdesim
from sdesim import data
from sdesim.errors import RunError
from sdesim.runs.attributes import mapped
from sdesim.training import Recipe, prune, record
from sdesim.training.loop.recipe import TrainingKeywords
from tests.training.recipes import DIGITS, NETWORK, recipe, sgd

WIDEST = 8


def test_a_recipe_and_its_keywords_make_the_same_run():
    probes = sdesim.Probes(every=3, samples=4)
    settings = {"seed": 3, "trajectories": 2, "init": "fresh", "sampling": "with-replacement"}

    one = record(recipe(**settings), probes=probes, progress=False)
    other = record(
        NETWORK, cross_entropy, DIGITS, None, sgd, steps=6, batch_size=10, probes=probes, progress=False,
        **settings,
    )  # fmt: skip

    assert one.attrs["fingerprint"] == other.attrs["fingerprint"]
    for name in one.data_vars:
        assert one[name].values.tobytes() == other[name].values.tobytes(), name


def test_the_keywords_of_a_training_are_the_fields_of_a_recipe():
    fields = {f.name for f in dataclasses.fields(Recipe) if f.kw_only}

    assert fields == set(TrainingKeywords.__annotations__)


def test_a_recipe_can_be_changed_and_not_written_to():
    longer = dataclasses.replace(recipe(), steps=9, amplify=2.0)

    assert (longer.steps, longer.amplify, longer.module) == (9, 2, NETWORK)
    assert isinstance(longer.amplify, int)
    with pytest.raises(dataclasses.FrozenInstanceError):
        longer.steps = 3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"trajectories": 0}, "trajectories must be at least 1"),
        ({"init": "new"}, 'init must be "module", "fresh", a function'),
        ({"sampling": "random"}, "sampling must be one of epoch, with-replacement, sequential"),
        ({"amplify": 1.5}, "amplify must be a whole number"),
    ],
)
def test_numbers_out_of_range_are_refused_when_a_recipe_is_made(changes, said):
    with pytest.raises(RunError, match=said):
        recipe(**changes)


def test_what_stands_beside_a_recipe_is_refused_and_what_is_missing_named():
    with pytest.raises(RunError, match="steps beside a recipe, which has its own"):
        record(recipe(), steps=3)
    with pytest.raises(RunError, match="loss_fn, train beside a recipe"):
        record(recipe(), cross_entropy, DIGITS)
    with pytest.raises(TypeError, match="loss_fn, train, optimizer beside the module"):
        record(NETWORK, steps=3)
    with pytest.raises(TypeError, match="no such keyword of a training: batchsize"):
        record(NETWORK, cross_entropy, DIGITS, None, sgd, steps=3, batchsize=4)
    with pytest.raises(TypeError, match="give steps"):
        record(NETWORK, cross_entropy, DIGITS, None, sgd)


def test_pruning_takes_the_training_of_its_rounds_from_a_recipe():
    one = prune(recipe(seed=4), sparsity=0.5, rounds=2)
    other = prune(NETWORK, cross_entropy, DIGITS, sgd, sparsity=0.5, rounds=2, steps=6, batch_size=10, seed=4)

    np.testing.assert_array_equal(one, other)
    assert prune(recipe(), rule="random", sparsity=0.5).sum() < one.size
    with pytest.raises(RunError, match="prune trains without a mask"):
        prune(recipe(mask=one), sparsity=0.5)


def test_no_function_of_the_training_asks_for_many_things_in_order():
    folder = Path(sdesim.__file__).parent / "training"
    wide = []
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and len(node.args.posonlyargs + node.args.args) > WIDEST:
                wide.append(f"{path.name}: {node.name}")
    assert not wide


def test_kinds_may_stand_where_torch_does():
    from sdesim.networks import MLP
    from sdesim.networks.losses import CrossEntropy
    from sdesim.optimizers import SGD
    from sdesim.optimizers.learning_rates import Step

    rate, chosen = Step(every=3, factor=0.5), {"steps": 6, "seed": 2}
    kinds = Recipe(
        MLP((64, 8, 10)), CrossEntropy(), data.Digits(60, 40), None,
        SGD(0.1, batch_size=10, momentum=0.5), scheduler=rate, **chosen,
    )  # fmt: skip
    torchs = Recipe(
        MLP((64, 8, 10)).build(), cross_entropy, data.digits(60, 40), None,
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.5), batch_size=10, scheduler=rate.scheduler(6),
        **chosen,
    )  # fmt: skip

    one, other = (record(r, progress=False) for r in (kinds, torchs))

    assert (kinds.batch_size, kinds.scheduled) == (10, True)
    assert one["theta"].values.tobytes() == other["theta"].values.tobytes()
    assert mapped(one.attrs, "sde_scheme") == {"kind": "heavy-ball", "momentum": 0.5, "nesterov": False}
    assert (one.attrs["plain_step"], "plain_step" in other.attrs) == (False, False)
    with pytest.raises(RunError, match="batch_size=7, but the optimizer has 10"):
        dataclasses.replace(kinds, batch_size=7)
    with pytest.raises(RunError, match="needs data of"):
        Recipe(NETWORK, CrossEntropy(), (DIGITS.x_train, DIGITS.y_train), None, sgd, steps=1)
