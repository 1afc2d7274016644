"""From an arm of a scenario to what is recorded."""

from __future__ import annotations

from sdesim.scenario import (
    parse_scenario,
)
from sdesim.scenario.assemble import arm_seed, probes_of
from tests.scenario.files import REAL


def test_probes_of_a_scenario_can_follow_a_tangent():
    scenario = parse_scenario(REAL.replace("{every: 10}", "{every: 10, tangent: true}"))
    arm = next(iter(scenario.arms.values()))

    assert probes_of(scenario, arm).tangent


def test_arms_of_one_scenario_have_seeds_of_their_own():
    assert arm_seed(1, "a") != arm_seed(1, "b") != arm_seed(2, "b")
    # Written down once, so that runs stay reproducible from one version to the next.
    assert arm_seed(1, "sgd") == 4698581889300305612
