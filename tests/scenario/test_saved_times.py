"""Times and what is kept, in a scenario: as in Python, and told at their line."""

import json

import pytest

from sdesim.errors import ScenarioError
from sdesim.scenario import run_scenario
from sdesim.scenario.load import parse_scenario

TEXT = """\
name: saved-times
arms:
  well:
    simulate:
      surface: {kind: double-well}
      dt: 0.1
      T: 20
      save_at: [0.1, 1, 10]
      save: theta
      events: [{kind: exit, upper: 2.0}]
    probes: {every: 50}
expect:
  - {arm: well, quantity: exit_time.mean, above: 0}
"""


def test_one_name_and_times_are_taken_as_in_python():
    scenario = parse_scenario(TEXT)

    model = scenario.arms["well"].simulate
    assert (model.save, model.save_at, scenario.steps("well")) == (["theta"], [0.1, 1.0, 10.0], 200)
    assert scenario.asked_steps("well") == [1, 10, 100]
    assert parse_scenario(TEXT.replace("[0.1, 1, 10]", "0.1")).asked_steps("well") == [1]


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("T: 20", "T: 20.05", 7, "simulate.T: found 20.05, allowed: multiples of dt = 0.1 above 0"),
        ("T: 20", "T: 20\n      steps: 9", 7, "simulate.T: found steps = 9 and T = 20, allowed: exactly one"),
        ("      T: 20\n", "", 4, "simulate: missing steps, or T"),
        ("1, 10]", "1, 0.5]", 8, "save_at[2]: found 0.5 after 1, allowed: times that increase"),
        ("1, 10]", "1, 100]", 8, "save_at[2]: found 100, allowed: at most 20, the end of the run"),
        ("save: theta", "save: theat", 9, "save: found 'theat', allowed: theta, loss, weight_norm"),
        ("exit_time.mean", "final_loss", 13, "quantity: final_loss needs loss among what well saves"),
        ("exit_time.mean", "gain_rank.S", 13, "gain_rank.S needs saved steps that are evenly apart"),
        (
            "exit_time.mean, above: 0",
            "theta_tail_index, above: 0",
            13,
            "at: found end, step 200, allowed: the steps that well saves: 1, 10, 100",
        ),
    ],
)
def test_what_does_not_fit_is_told_at_its_line(old, new, line, message):
    assert old in TEXT
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(TEXT.replace(old, new), source="my.yaml")

    told = next(text for text in str(caught.value).splitlines() if message in text)
    assert told.startswith(f"my.yaml:{line}: ")


def test_an_observable_is_expected_summarised_and_found(tmp_path):
    # Brownian motion: x is normal with variance 2Dt = 0.2 at t = 1, E|x| = √(2·0.2/π) = 0.357 with a standard
    # deviation of 0.27: of 400 the interval, ±0.027, lies within 0.1 but for 5.4 standard errors (7e-8).
    text = """\
name: spread
arms:
  free:
    simulate:
      surface: {kind: flat, dim: 1}
      noise: {kind: gaussian, diffusion: 0.1}
      theta0: 0
      dt: 0.1
      T: 1
      trajectories: 400
      save_at: [0.5, 1]
      save: []
      observe: {far: norm}
expect:
  - {arm: free, quantity: far, near: 0.357, tolerance: 0.1}
  - {arm: free, quantity: far, at: 5, below: 0.4}
  - {arm: free, quantity: time_when.far>0, above: 0}
"""
    run_scenario(parse_scenario(text), tmp_path / "out", progress=False)

    told = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert [e["outcome"] for e in told["expectations"]] == ["met"] * 3
    assert told["arms"]["free"]["end"]["far"]["n"] == 400
    assert "far" in (tmp_path / "out" / "report.html").read_text()
    for old, new, message in (
        ("quantity: far, near", "quantity: fur, near", "found 'fur'"),
        ("at: 5, below", "at: 6, below", "found 6, step 6, allowed: the steps that free saves: 5, 10"),
        ("far>0", "fur>0", "allowed: such as time_when.test_accuracy>0.95"),
    ):
        with pytest.raises(ScenarioError, match=message):
            parse_scenario(text.replace(old, new))
