"""Surfaces one after another: each has its steps."""

import numpy as np
import pytest

import sdesim
from sdesim import noise, surfaces
from sdesim.kinds import Misfit

RNG = np.random.default_rng(0)
LEAST = surfaces.LeastSquares(RNG.standard_normal((5, 2)), RNG.standard_normal(5))
BOWL = surfaces.Quadratic([1.0, 2.0])


def test_each_surface_has_the_steps_of_its_time():
    """Also one whose functions need arrays of their own."""
    both, dt = surfaces.Curriculum([0.5], [BOWL, LEAST]), 0.1
    run = sdesim.simulate(both, noise.Gaussian(0.0), 1.0, dt=dt, steps=10, save_every=1, progress=False)

    x = np.ones(2)
    for step in range(11):
        surface = BOWL if step < 5 else LEAST
        np.testing.assert_allclose(run["theta"].values[0, step], x, rtol=1e-12)
        np.testing.assert_allclose(run["loss"].values[0, step], surface.loss(x), rtol=1e-12)
        assert both.at(step * dt) is surface
        x = x - dt * surface.grad(x)


def test_bad_ones_are_refused():
    with pytest.raises(Misfit, match="one more than times"):
        surfaces.Curriculum([1.0], [BOWL])
    with pytest.raises(Misfit, match="found dim 1, allowed: 2"):
        surfaces.Curriculum([1.0], [BOWL, surfaces.Flat(1)])
    with pytest.raises(Misfit, match="above the one before"):
        surfaces.Curriculum([2.0, 1.0], [BOWL, BOWL, BOWL])
