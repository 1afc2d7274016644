"""Walls that do not suit a simulation are refused, each with its place."""

import numpy as np
import pytest

import sdesim
from sdesim import noise, surfaces, walls
from sdesim.errors import ScenarioError, SdesimError
from sdesim.kinds import Misfit
from sdesim.scenario.load import load_scenario
from tests.engine.plans import planned

BOWL = surfaces.Quadratic([1.0, 1.0])


@pytest.mark.parametrize(
    ("boundary", "place", "words"),
    [
        ([walls.Reflecting(lower=1.0)], ("boundary", 0, "lower"), "at most the start, 0"),
        ([walls.Absorbing(upper=-1.0)], ("boundary", 0, "upper"), "at least the start, 0"),
        ([walls.Periodic(1.0, 2.0, 1)], ("boundary", 0, "lower"), "at most the start"),
        ([walls.Reflecting(lower=-1.0, coordinate=2)], ("boundary", 0, "coordinate"), "0 to 1"),
        (
            [walls.Reflecting(lower=-1.0), walls.Periodic(-2.0, 2.0)],
            ("boundary", 1, "lower"),
            "the other is boundary[0]",
        ),
        ([noise.Gaussian(1.0)], ("boundary", 0), "a wall of sdesim.walls"),
    ],
)
def test_what_does_not_suit_is_refused(boundary, place, words):
    with pytest.raises(Misfit) as caught:
        planned(BOWL, noise.Gaussian(0.1), boundary=boundary)
    assert caught.value.problems[0][0] == place
    assert words in caught.value.problems[0][1]


def test_walls_of_two_sides_and_coordinates_go_together():
    boundary = [walls.Reflecting(lower=-1.0), walls.Absorbing(upper=1.0), walls.Periodic(-1.0, 1.0, 1)]
    plan = planned(BOWL, noise.Gaussian(0.1), boundary=boundary)
    assert [wall.function for wall in plan.walls] == ["reflect", "wrap"]
    assert len(plan.exits) == 1


def test_tangents_and_walls_are_not_mixed():
    with pytest.raises(Misfit, match="false with walls"):
        planned(
            BOWL, noise.Gaussian(0.1), boundary=[walls.Reflecting(lower=-1.0)],
            probes=sdesim.Probes(every=1, tangent=True),
        )  # fmt: skip


def test_one_of_ones_own_does_something():
    class Nothing(walls.Base):
        coordinate = 0

    assert list(Nothing().misfits(1, np.zeros((1, 1)))) == []
    with pytest.raises(SdesimError, match="must have kernel"):
        planned(BOWL, noise.Gaussian(0.1), boundary=[Nothing()])


def test_a_scenario_names_walls_and_their_lines(tmp_path):
    text = """\
name: walls
arms:
  sde:
    simulate:
      surface: {kind: flat, dim: 1}
      noise: [{kind: gaussian, diffusion: 0.5}]
      boundary: [{kind: reflecting, lower: LOWER}]
      dt: 0.01
      steps: 100
"""
    file = tmp_path / "a.yaml"
    file.write_text(text.replace("LOWER", "-1"))
    assert load_scenario(file).arms["sde"].simulate.boundary == [walls.Reflecting(lower=-1.0)]
    file.write_text(text.replace("LOWER", "1"))
    with pytest.raises(ScenarioError, match=r"boundary\[0\]\.lower: found 1, allowed: at most the start"):
        load_scenario(file)


def test_walls_around_every_coordinate_leave_states_all_their_moments():
    jumps, side = noise.Stable(1.5, 0.1), walls.Periodic(-1.0, 1.0)
    halves = [walls.Reflecting(lower=-1.0, coordinate=1), walls.Reflecting(upper=1.0, coordinate=1)]

    def index(*boundary):
        return planned(BOWL, jumps, boundary=boundary).setting.tail_index

    assert index(side, *halves) is None
    # A trajectory that is absorbed has jumped beyond the wall.
    assert index(side, walls.Absorbing(-1.0, 1.0, coordinate=1)) == 1.5
    assert index(side, halves[0]) == index(side) == index() == 1.5


def test_a_run_inside_walls_is_not_said_to_have_no_mean():
    options = {"dt": 0.1, "steps": 4, "trajectories": 4, "save": "loss", "progress": False}
    around = [walls.Reflecting(-1.0, 1.0, coordinate=k) for k in (0, 1)]

    run = sdesim.simulate(BOWL, noise.Stable(1.5, 0.1), boundary=around, **options)

    assert run.attrs["levy_index"] == 1.5
    assert run.attrs["confined"] == 1
    assert list(run.attrs["infinite_means"]) == []
