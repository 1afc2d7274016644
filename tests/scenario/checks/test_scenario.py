"""The arms of a scenario must fit one another."""

from __future__ import annotations

import pytest

from sdesim.errors import ScenarioError
from sdesim.scenario import (
    Scenario,
    parse_scenario,
    validate_scenario,
)
from tests.scenario.files import GOOD, refused

STAGES = """\
name: stages
arms:
  first:
    train:
      data: {kind: digits, train: 100, test: 50}
      network: {kind: mlp, widths: [64, 8, 10]}
      optimizer: {kind: sgd, lr: 0.1, batch_size: 50}
      steps: 20
      trajectories: 2
  second:
    train:
      data: {kind: digits, train: 100, test: 50}
      network: {kind: mlp, widths: [64, 8, 10]}
      optimizer: {kind: sgd, lr: 0.1, batch_size: 5}
      start_from: first
      steps: 20
      trajectories: 2
  twin:
    simulate: {twin_of: second, trajectories: 2}
"""
SECOND = "arms.second.train.start_from"
WRONG_STAGES = [
    ("start_from: first", "start_from: second", 15, f"{SECOND}: found 'second', allowed: a real arm that"),
    ("start_from: first", "start_from: twin", 15, f"{SECOND}: found 'twin', allowed: a real arm that"),
    ("steps: 20", "steps: 20\n      save: [loss]", 16, f"{SECOND}: start_from needs theta in the save"),
    ("[64, 8, 10]", "[64, 9, 10]", 15, f"{SECOND}: first has another network, a tanh network 64-9-10"),
    ("start_from: first", "init: fresh\n      start_from: first", 16, f"{SECOND}: start_from goes with"),
    ("trajectories: 2", "trajectories: 1", 15, f"{SECOND}: first has 1 trajectories, fewer than 2"),
    ("second, trajectories: 2", "second, trajectories: 3", 19, "arms.twin.simulate.trajectories: found 3"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "message"), WRONG_STAGES)
def test_an_arm_that_starts_from_another_needs_one_that_fits(old, new, line, message):
    parse_scenario(STAGES)

    assert refused(STAGES.replace(old, new, 1))[0].startswith(f"file.yaml:{line}: {message}")


def test_a_scenario_made_in_python_is_checked_by_the_same_rules():
    model = parse_scenario(GOOD).model_dump()
    model["arms"]["sde"]["simulate"]["theta0"] = [1.0, 2.0]
    scenario = Scenario.model_validate(model)

    with pytest.raises(ScenarioError, match=r"^small: arms\.sde\.simulate\.theta0: found 2 numbers"):
        validate_scenario(scenario)
