"""A bowl that moves: the lag of what it carries."""

import numpy as np

import sdesim
from sdesim import noise, schedules, surfaces


def test_a_bowl_that_moves_on_carries_the_mean_with_its_lag():
    """x' = −λ(x − v − vt): x = v + v(t − (1 − e^{−λt})/λ) from v; of Heun's step within dt²."""
    rate, speed, dt = 2.0, 0.5, 0.01
    path = schedules.Power(speed, 1.0, 1.0)
    run = sdesim.simulate(
        surfaces.Moving(surfaces.Quadratic([rate]), path), noise.Gaussian(0.0), speed, dt=dt, steps=100,
        scheme="heun", save_every=50, progress=False,
    )  # fmt: skip
    t = run["time"].values
    exact = speed + speed * (t - (1 - np.exp(-rate * t)) / rate)
    np.testing.assert_allclose(run["theta"].values[0, :, 0], exact, atol=dt**2)


def test_wells_and_minima_move_along():
    moving = surfaces.Moving(surfaces.DoubleWell(), schedules.Power(2.0, 1.0, 1.0))
    np.testing.assert_allclose(np.sort(moving.minima()[:, 0]), [1.0, 3.0])
    np.testing.assert_allclose(np.sort(moving.at(1.0).minima()[:, 0]), [3.0, 5.0])
    assert moving.well([[1.0], [3.0]]).tolist() == surfaces.DoubleWell().well([[-1.0], [1.0]]).tolist()
