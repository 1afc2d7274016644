"""How fast losses grow, as they say it or as it is read off their gradient; and which means that ends."""

import math

import numpy as np
import pytest

import sdesim
from sdesim import noise, sdes, surfaces
from sdesim.engine.growth import growth_of, infinite_means

ROOT = surfaces.custom(
    lambda x: np.sqrt(1.0 + x[0] ** 2 + x[1] ** 2), lambda x: x / np.sqrt(1.0 + x[0] ** 2 + x[1] ** 2), dim=2
)


@pytest.mark.parametrize(
    ("surface", "power"),
    [
        (surfaces.Quadratic([1.0, 3.0]), 2.0),
        (surfaces.DoubleWell(dim=2), 4.0),
        (surfaces.Styblinski(dim=3), 4.0),
        (surfaces.Rosenbrock(), 4.0),
        (surfaces.Flat(dim=2), 0.0),
        (ROOT, 1.0),
        (sdes.Lorenz(), 3.0),
        (sdesim.SDE(lambda t, x: x - x**3, dim=1), 4.0),
        (sdesim.SDE(lambda t, x: -np.exp(x), dim=1), math.inf),
    ],
)
def test_growth_is_the_power_of_the_loss(surface, power):
    assert growth_of(surface) == pytest.approx(power, abs=0.01)


def test_means_end_where_the_loss_grows_as_fast_as_the_tail_falls():
    bowl = surfaces.Quadratic(1.0)
    assert infinite_means(bowl, 2.0, None) == []
    assert infinite_means(bowl, 2.0, 1.7) == ["loss", "test_loss"]
    assert infinite_means(bowl, 1.0, 1.7) == []
    assert infinite_means(bowl, 1.0, 1.0) == ["weight_norm", "loss", "test_loss"]
    assert infinite_means(sdes.Lorenz(), 3.0, 0.9) == ["weight_norm"]


def test_a_run_says_which_of_its_means_do_not_exist():
    fields = {"dt": 0.1, "steps": 4, "progress": False}
    bowl, cut = surfaces.Quadratic(1.0), noise.Stable(1.7, 0.1, truncation=1.0)
    run = sdesim.simulate(bowl, noise.Stable(1.7, 0.1), **fields)
    assert run.attrs["infinite_means"] == ["loss", "test_loss"]
    assert "infinite_means" not in sdesim.simulate(bowl, cut, **fields).attrs
