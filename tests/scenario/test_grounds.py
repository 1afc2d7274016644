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


WALL = "      boundary: [{kind: reflecting, lower: -3}]\n"
EXIT = "      events: [{{kind: exit, upper: {upper}}}]\n"


@pytest.mark.parametrize(
    ("noise", "more", "mean", "law"),
    [
        ("[{kind: gaussian, diffusion: 0.06}]", EXIT.format(upper=0), 159.868, "exact"),
        ("[{kind: stable, alpha: 2, scale: 0.31622776601683794}]", EXIT.format(upper=0), 30.8213, "exact"),
        ("[{kind: stable, alpha: 1, scale: 0.02}]", EXIT.format(upper=0), 157.080, "small noise"),
        # Where there is no exit, several, more than one minimum, a second state, or no law of the jumps.
        ("[{kind: gaussian, diffusion: 0.06}]", "", None, ""),
        ("[{kind: gaussian, diffusion: 0.06}]", "      events: [{kind: occupancy}]\n", None, ""),
        ("[{kind: stable, alpha: 1, scale: 0.02}]", EXIT.format(upper=3), None, ""),
        ("[{kind: gaussian, diffusion: 0.06}]", EXIT.format(upper=0) + "      scheme: baoab\n", None, ""),
        ("[{kind: gaussian, diffusion: 0.06}]", EXIT.format(upper=0) + WALL, None, ""),
        ("[{kind: stable, alpha: 1, scale: 0.02, truncation: 1}]", EXIT.format(upper=0), None, ""),
    ],
)
def test_an_exit_has_the_mean_of_its_theory_where_there_is_one(noise, more, mean, law):
    text = "name: a\narms:" + ARM.format(name="arm", noise=noise) + more

    found = grounds(parse_scenario(text))["arm"].leaving

    assert (found is None) == (mean is None)
    if found is not None:
        assert found.mean == pytest.approx(mean, rel=1e-4)
        assert law in found.law


def test_walls_have_no_gibbs_law_of_the_whole_line():
    text = "name: a\narms:" + ARM.format(name="arm", noise="[{kind: gaussian, diffusion: 0.1}]") + WALL

    assert grounds(parse_scenario(text))["arm"].diffusion is None
