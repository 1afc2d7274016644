"""What a plan knows of its noises."""

import numpy as np
import pytest

from sdesim import events, noise, surfaces
from tests.engine.plans import planned
from tests.engine.wells import BOWL


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
