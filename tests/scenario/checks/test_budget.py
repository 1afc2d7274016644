"""Budgets that pay for nothing, and readings without draws that can't be, are known before anything runs."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from sdesim import data, networks
from sdesim.runs.price import paid_for
from sdesim.scenario import parse_scenario
from sdesim.scenario.assemble import probes_of, recipe_of
from sdesim.scenario.checks.budget import _price
from sdesim.training.data.examples import training_and_test
from sdesim.training.loop.budget import example_operations
from sdesim.training.loop.prepared import prepare
from tests.scenario.files import GOOD, REAL, changed, refused


@pytest.mark.parametrize(
    "fields",
    [
        {"widths": (64, 10)},
        {"widths": (64, 32, 16, 10), "activation": "relu"},
        {"widths": (64, 32, 10), "bias": False, "activation": "quadratic"},
    ],
)
def test_a_network_by_its_kind_knows_the_operations_that_are_counted_in_a_built_one(fields):
    network = networks.MLP(**fields)
    examples, _ = training_and_test(data.digits(20, 0, seed=0), None, torch.float64)

    assert network.example_operations == example_operations(network.build(), cross_entropy, examples)


@pytest.mark.parametrize("optimizer", ["kind: sgd, lr: 0.1, batch_size: 10", "kind: adam, lr: 0.1"])
def test_a_price_from_sizes_is_that_of_the_recording(optimizer):
    text = changed("kind: sgd, lr: 0.1, batch_size: 10", optimizer, REAL.split("  twin:")[0])
    scenario = parse_scenario(
        text.replace("steps: 20", "steps: 9000") + "probes: {budget: 0.5, samples: 9}\n"
    )
    arm = scenario.arms["real"]
    asked = probes_of(scenario, arm)

    recipe = recipe_of(scenario, "real", arm.train, arm.train.network.build(), arm.train.data.load())

    found = prepare(recipe, save_every=None, save=["loss"], probes=asked)
    assert _price(scenario, "real", asked) == found.price
    assert paid_for(asked, found.price, 9000) == found.probes


TWIN = "    probes: {every: 1, budget: 0.5}\nprobes: {every: 10}"


@pytest.mark.parametrize(
    ("text", "start"),
    [
        (
            changed("every: 10", "every: 10, budget: 0.01", REAL),
            "13: probes.budget: found 0.01, allowed: none",
        ),
        (changed("{every: 10}", "{budget: 0.01}", REAL), "13: probes.budget: found 0.01, allowed: none"),
        (changed("samples: 16", "samples: 16, budget: 0.001"), "13: probes.budget: found 0.001, allowed: at"),
        (changed("probes: {every: 10}", TWIN, REAL), "13: arms.twin.probes.budget: found 0.5, allowed: none"),
    ],
)
def test_a_budget_that_pays_for_nothing_is_refused_at_its_line(text, start):
    assert refused(text)[0].startswith(f"file.yaml:{start}")


def test_the_least_budget_that_is_named_is_enough():
    (line,) = refused(changed("samples: 16", "samples: 16, budget: 0.001", GOOD))
    least = line.split("at least ")[1].split()[0]

    parse_scenario(changed("samples: 16", f"samples: 16, budget: {least}", GOOD))


@pytest.mark.parametrize(
    ("asked", "field", "why"),
    [
        ("exact: true", "exact", "no mean and variance"),
        ("precision: 0.1", "precision", "no variance, so that"),
    ],
)
def test_what_noise_of_infinite_variance_can_not_give_is_refused(asked, field, why):
    (line,) = refused(changed("samples: 16", f"samples: 16, {asked}", GOOD))

    assert line.startswith(f"file.yaml:13: probes.{field}: found ")
    assert f"allowed: none, for the noise has {why}" in line
    assert line.endswith("(arm sde)")
