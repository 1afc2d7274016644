"""Schedules in a scenario file: read, written again, and refused with the line."""

import pytest

from sdesim.errors import ScenarioError
from sdesim.scenario.load import load_scenario
from sdesim.scenario.run import resolved_yaml

TEXT = """\
name: annealing
arms:
  sde:
    simulate:
      surface: {kind: double-well}
      noise: [{kind: gaussian, diffusion: {kind: logarithmic, v: 0.3}}]
      learning_rate: {kind: exponential, v: 0.1, rate: 0.5}
      dt: 0.01
      steps: 100
"""


def test_a_scenario_holds_schedules_and_is_written_as_it_was_read(tmp_path):
    (tmp_path / "a.yaml").write_text(TEXT)
    scenario = load_scenario(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").write_text(resolved_yaml(scenario))

    assert load_scenario(tmp_path / "b.yaml") == scenario
    assert scenario.arms["sde"].simulate.learning_rate(2.0) == pytest.approx(0.1 / 2.718281828459045)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{kind: logarithmic, v: 0.3}", "{kind: logarithmic, v: -0.3}", "noise[0].diffusion: found -0.43"),
        ("{kind: logarithmic, v: 0.3}", "{kind: logarithmic}", "diffusion.v: missing"),
        ("{kind: exponential, v: 0.1, rate: 0.5}", "-0.1", "learning_rate: found -0.1"),
    ],
)
def test_a_bad_one_is_refused_with_its_field(tmp_path, old, new, said):
    (tmp_path / "a.yaml").write_text(TEXT.replace(old, new))
    with pytest.raises(ScenarioError) as caught:
        load_scenario(tmp_path / "a.yaml")
    assert said in str(caught.value)
