"""What the summary of a run counts and warns of."""

from __future__ import annotations

import pytest

from sdesim.scenario import parse_scenario, run_scenario
from tests.scenario.pairs import PAIR, TOY


def test_a_diverged_trajectory_is_counted_and_warned_of(tmp_path):
    scenario = parse_scenario(TOY, overrides={"arms.sde.simulate.dt": 100.0, "arms.sde.simulate.steps": 400})

    summary = run_scenario(scenario, tmp_path / "x", progress=False)

    assert summary["arms"]["sde"]["status"]["diverged"] == 4
    assert "4 of 4 trajectories blew up" in summary["warnings"][0]
    assert summary["expectations"][0]["outcome"] == "undecided"


def test_it_says_how_many_trajectories_are_probed_where_that_is_not_all(tmp_path):
    def arm(probed):
        probes = f"probes: {{every: 40, trajectories: {probed}, estimators: [gradient]}}\n"
        scenario = parse_scenario(TOY + probes)
        summary = run_scenario(scenario, tmp_path / str(probed), progress=False)
        return summary["arms"]["sde"], (tmp_path / str(probed) / "report.html").read_text()

    (part, page), (whole, other) = arm(2), arm(4)

    assert (part["trajectories"], part["probed"]) == (4, 2)
    assert "4 finished 2 probed" in page
    assert "probed" not in whole
    assert "4 finished </small>" in other


def test_a_twin_of_an_arm_with_momentum_and_clipped_gradients_moves_by_both(tmp_path):
    changed = {"arms.real.train.optimizer.momentum": 0.5, "arms.real.train.clip": {"norm": 0.01}}
    scenario = parse_scenario(PAIR, overrides=changed)
    kept = {n: a for n, a in scenario.arms.items() if n in ("half", "real")}

    summary = run_scenario(scenario.model_copy(update={"arms": kept}), tmp_path / "x", progress=False)

    assert not any(warning.startswith("half") for warning in summary["warnings"])
    assert summary["warnings"][0].startswith("real: gradients were cut down in 100% of the steps; C*, S and")
    assert summary["arms"]["real"]["clipped_steps"] == 1.0


@pytest.mark.parametrize(
    ("momentum", "nesterov", "warned"), [(0.5, False, False), (0.9, False, True), (0.5, True, True)]
)
def test_only_a_heavy_ball_twin_of_the_same_momentum_comes_without_a_warning(
    momentum, nesterov, warned, tmp_path
):
    scheme = {"kind": "heavy-ball", "momentum": momentum, "nesterov": nesterov}
    changed = {"arms.real.train.optimizer.momentum": 0.5, "arms.half.simulate.scheme": scheme}
    changed["arms.half.simulate.dt"] = None
    scenario = parse_scenario(PAIR, overrides=changed)
    kept = {n: a for n, a in scenario.arms.items() if n in ("half", "real")}

    summary = run_scenario(scenario.model_copy(update={"arms": kept}), tmp_path / "x", progress=False)

    assert any("momentum" in w for w in summary["warnings"]) is warned
