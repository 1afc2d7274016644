"""A torus: diffusion on it becomes uniform, and a drift goes round."""

import numpy as np
import pytest

import sdesim
from sdesim import noise, surfaces, walls
from sdesim.engine.walls.kernels import wrap
from sdesim.kinds import Misfit


def test_states_are_taken_modulo_the_width():
    x = np.array([[0.5, -0.25, 1.25, 1.0, -3.25, -1e-20]])
    wrap(x, np.zeros((0, 6)), np.array([0.0, 1.0, 0.0]))
    np.testing.assert_allclose(x[0], [0.5, 0.75, 0.25, 0.0, 0.75, 0.0], atol=1e-15)
    assert (x < 1.0).all()


def test_a_wrapped_normal_has_its_first_circular_moment():
    """E cos 2πx of Brownian motion from 0 on a circle of length 1: e^{−4π² D t}."""
    count, diffusion = 20_000, 0.02
    run = sdesim.simulate(
        surfaces.Flat(1), noise.Gaussian(diffusion), 0.0, dt=0.1, steps=10, trajectories=count, seed=2,
        boundary=walls.Periodic(0.0, 1.0), progress=False,
    )  # fmt: skip
    x = run["theta"].values[:, -1, 0]
    c = np.cos(2 * np.pi * x)

    assert (x >= 0).all()
    assert (x < 1).all()
    assert abs(c.mean() - np.exp(-4 * np.pi**2 * diffusion)) < 6 * c.std() / np.sqrt(count)


def test_the_sides_are_in_order():
    with pytest.raises(Misfit, match="above lower"):
        walls.Periodic(1.0, 0.0)
