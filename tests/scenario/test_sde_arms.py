"""Arms of equations that have no loss: run, summary and report, and what can't be asked of them."""

import json

import pytest

from sdesim.errors import ScenarioError
from sdesim.scenario import load_scenario, parse_sweep, run_scenario, run_sweep

TEXT = """\
name: chaos
arms:
  lorenz:
    simulate:
      sde: {kind: lorenz, factor: 0.5}
      dt: 1e-3
      steps: 400
      trajectories: 4
    probes: {every: 200, tangent: true}
"""


def test_an_arm_without_a_loss_has_a_summary_and_a_report(tmp_path):
    path = tmp_path / "chaos.yaml"
    path.write_text(TEXT)
    run_scenario(load_scenario(path), tmp_path / "out", progress=False)

    told = json.loads((tmp_path / "out" / "summary.json").read_text())["arms"]["lorenz"]
    assert told["label"] == "lorenz, euler-maruyama"
    assert "loss" not in told["end"]
    assert "lyapunov_exponent" in told["end"]
    assert (tmp_path / "out" / "report.html").exists()


def test_a_sweep_over_a_field_of_an_equation_has_a_row_for_each_and_a_report(tmp_path):
    text = TEXT.replace("steps: 400", "steps: 40").split("    probes:")[0]
    sweep = parse_sweep(text + "sweep: {arms.lorenz.simulate.sde.factor: [0.5, 1.0]}\n")
    summary = run_sweep(sweep, tmp_path / "out", progress=False)

    rows = json.loads((tmp_path / "out" / "table.json").read_text())["rows"]
    assert {row["factor"] for row in rows} == {0.5, 1.0}
    assert len(summary["points"]) == 2
    assert (tmp_path / "out" / "report.html").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "trajectories: 4\n",
            "trajectories: 4\nexpect: [{arm: lorenz, quantity: final_loss, below: 1}]\n",
            "loss",
        ),
        ("tangent: true", "samples: 8", "this equation has no loss"),
        ("factor: 0.5", "factor: -0.5", "factor"),
        ("sde: {", "surface: {kind: flat, dim: 3}\n      sde: {", "exactly one of surface, sde and twin_of"),
        ("kind: lorenz", "kind: lorentz", "did you mean"),
    ],
)
def test_what_does_not_fit_is_told_before_anything_runs(tmp_path, old, new, message):
    path = tmp_path / "chaos.yaml"
    text = TEXT.replace(old, new) if "expect" not in new else TEXT + new.split("\n", 1)[1]
    path.write_text(text)
    with pytest.raises(ScenarioError, match=message):
        load_scenario(path)
