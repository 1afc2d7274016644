"""What a plan knows of its noises, and what it refuses."""

import numpy as np
import pytest

import sdesim
from sdesim import events, noise, surfaces, walls
from sdesim.errors import SdesimError
from tests.engine.plans import planned
from tests.engine.wells import BOWL

WELL = surfaces.DoubleWell()


@pytest.mark.parametrize("driving", [noise.Stable(1.5, 0.1, truncation=1.0), noise.Stable(2.0, 0.1)])
def test_tamed_and_gaussian_increments_have_no_tail_index(driving):
    plan = planned(BOWL, driving, dt=0.1, steps=2, save=("loss",))

    assert plan.tail_index is None


def test_a_minibatch_noise_of_a_recipe_is_known_by_what_it_says_not_by_its_class():
    surface = surfaces.LeastSquares(np.eye(2), np.ones(2))
    batch = noise.Minibatch(surface, 1, 0.1)

    plan = planned(surface, batch, dt=0.1, steps=2, save=("loss",))

    assert plan.batch_size == 1
    assert plan.tail_index is None


def test_a_covariance_is_worked_out_only_where_an_exit_is_watched():
    driving = noise.Gaussian(diffusion=np.array([[0.2, 0.1], [0.1, 0.3]]))
    surface, theta0 = surfaces.Quadratic([1.0, 2.0]), [0.0, 0.0]
    leaving = events.Exit(lower=-1.0, upper=1.0)

    unwatched = planned(surface, driving, theta0=theta0)
    watched = planned(surface, driving, theta0=theta0, events=(leaving,))

    assert unwatched.paths.root.size == 0
    assert watched.paths.root.shape == (2, 2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"noise": noise.Gaussian}, "noise[0]: found the class Gaussian, allowed: a noise"),
        ({"noise": "gaussian"}, "noise[0]: found str, allowed: a noise"),
        ({"events": events.Exit}, "events[0]: found the class Exit, allowed: an event"),
        ({"events": None}, "events[0]: found NoneType, allowed: an event"),
        ({"surface": surfaces.DoubleWell}, "surface must be one of sdesim.surfaces, or an equation"),
        ({"probes": 3}, "probes: found 3, allowed: sdesim.Probes"),
        ({"threads": "a"}, "threads must be a whole number, got 'a'"),
        ({"threads": 1.5}, "threads must be a whole number, got 1.5"),
    ],
)
def test_what_is_no_part_is_told_in_one_line(arguments, words):
    with pytest.raises(SdesimError) as caught:
        sdesim.simulate(**{"surface": WELL, "dt": 0.1, "steps": 2, "progress": False} | arguments)

    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


def test_one_event_and_one_name_to_save_stand_without_a_list():
    run = sdesim.simulate(WELL, dt=0.1, steps=2, events=events.Exit(upper=2.0), save="theta", progress=False)

    assert run.sizes["event"] == 1
    assert "theta" in run


def test_an_event_that_holds_at_a_start_of_the_examples_is_refused():
    surface = surfaces.LeastSquares([[1.0], [2.0]], [1.0, 2.0])
    with pytest.raises(SdesimError, match=r"^events\[0\]\.lower: found 5, allowed: at most the start, 0$"):
        sdesim.simulate(surface, dt=0.1, steps=2, events=[events.Exit(lower=5.0)], progress=False)
    with pytest.raises(SdesimError, match=r"^boundary\[0\]"):
        sdesim.simulate(surface, dt=0.1, steps=2, boundary=walls.Reflecting(lower=5.0), progress=False)
