"""What drives the simulated arms of a scenario."""

import pytest

from sdesim import surfaces
from sdesim.scenario.grounds import grounds, grounds_of
from sdesim.scenario.load import parse_scenario

ARM = """
  {name}:
    simulate:
      surface: {{kind: double-well}}
      noise: {noise}
      dt: 0.01
      steps: 10
"""


@pytest.mark.parametrize(
    ("noise", "diffusion"),
    [
        ("[{kind: gaussian, diffusion: 0.1}]", 0.1),
        ("[{kind: gaussian, diffusion: 0.1}, {kind: gaussian, diffusion: 0.2}]", 0.1 + 0.2),
        ("[{kind: gaussian, diffusion: 0.1}, {kind: stable, alpha: 1.5, scale: 0.1}]", None),
        ("[]", None),
    ],
)
def test_diffusions_add_up_where_all_noise_is_of_that_form(noise, diffusion):
    text = "name: a\narms:" + ARM.format(name="arm", noise=noise)

    found = grounds(parse_scenario(text))["arm"]

    assert found.surface == surfaces.DoubleWell()
    assert found.diffusion == diffusion


def test_a_directory_whose_scenario_can_not_be_read_has_none(tmp_path):
    assert grounds_of(tmp_path) == {}
    (tmp_path / "scenario.yaml").write_text("name: [", encoding="utf-8")
    assert grounds_of(tmp_path) == {}
