"""Noise of gradients follows a learning rate that changes in time."""

import numpy as np
import pytest

import sdesim
from sdesim import noise, schedules, surfaces
from sdesim.kinds import Misfit
from tests.engine.plans import planned

RATE = schedules.Exponential(0.2, 1.0)


def test_noise_of_gradients_grows_as_the_root_of_the_learning_rate():
    bowl = surfaces.Quadratic([1.0])
    plan = planned(bowl, noise.Gaussian(gradient_variance=4.0), learning_rate=RATE, dt=0.1, steps=10)

    drawn = noise.increments(plan.noise_kernels[0], 1, 3, 4, seed=1)
    unit = noise.increments(noise.Gaussian(1.0).kernel(1, 0.1, 0.1), 1, 3, 4, seed=1)

    t = 0.1 * np.arange(5)
    mean = -np.diff(0.2 * np.exp(-t)) / 0.1
    np.testing.assert_allclose(drawn, unit * np.sqrt(0.5 * mean * 4.0)[:, None, None], rtol=1e-9)


def test_a_reading_is_at_the_learning_rate_of_its_moment():
    run = sdesim.simulate(
        surfaces.Quadratic([1.0]), noise.Gaussian(0.1), 1.0, dt=0.1, steps=10, learning_rate=RATE,
        probes=sdesim.Probes(every=5, samples=4), progress=False,
    )  # fmt: skip
    np.testing.assert_allclose(run["step_size"].values[0], RATE(np.array([0.0, 0.5, 1.0])), rtol=1e-14)
    np.testing.assert_allclose(run["learning_rate"].values[0], RATE(run["time"].values), rtol=1e-14)


def test_what_no_schedule_can_scale_is_refused():
    small = surfaces.Quadratic([1.0])
    with pytest.raises(Misfit, match="with scheme 'sgd'"):
        planned(small, noise.Gaussian(0.1), learning_rate=RATE, scheme="sgd")
    with pytest.raises(Misfit, match="learning_rate"):
        planned(small, noise.Gaussian(0.1), learning_rate=lambda t: 0.005 - t)
    with pytest.raises(Misfit, match=r"scheme 'milstein', allowed: a number, or sdesim\.SDE with that B"):
        planned(small, noise.Multiplicative(RATE), scheme="milstein")
