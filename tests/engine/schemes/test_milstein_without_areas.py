"""Milstein without Lévy areas: no better alone, of order 1 in the mean over exchanged increments."""

import math

import numpy as np
import pytest

import sdesim
from sdesim import sdes
from sdesim.engine.coupled.level_sampler import ANTITHETIC, LevelSampler
from sdesim.engine.coupled.paths import coupled
from sdesim.engine.coupled.quantity import compiled_quantity
from sdesim.errors import SdesimError

SCHEME = "milstein-without-areas"


def spin(t, x):
    return np.array([[1.0, 0.0], [0.0, x[0]]])


def test_the_mean_over_exchanged_increments_falls_like_dt_squared_where_columns_do_not_commute():
    # Clark and Cameron's equation dx = dW₁, dy = x dW₂, whose Lévy area no scheme of increments alone has.
    sde = sdesim.SDE(lambda t, x: np.zeros(2), spin, dim=2)
    with pytest.raises(SdesimError, match="'milstein'"):
        sdesim.mlmc(sde, lambda x: x[1], 1.0, 0.1, scheme="milstein")
    equation = coupled(sde, (), None, 1.0, SCHEME, 32)
    value = compiled_quantity(lambda x: math.cos(x[1]), equation.start)
    levels = [LevelSampler(equation, value, 1, k, 2**k, ANTITHETIC) for k in (3, 5)]

    for level in levels:
        level.draw(4000, 1)

    # 1/16 and ¼ from T/8 to T/32; of 4,000 samples of kurtosis below 30 each variance is known to 9%.
    antithetic, plain = (
        getattr(levels[1], name).variance / getattr(levels[0], name).variance
        for name in ("difference", "plain")
    )
    assert 1 / 30 < antithetic < 1 / 9
    assert 1 / 6 < plain < 1 / 2.5


def test_where_columns_commute_it_is_milstein_and_other_noise_is_refused():
    sde = sdes.GeometricBrownian(0.1, 0.5)
    same = {"dt": 0.1, "steps": 5, "trajectories": 9, "seed": 3, "progress": False}

    run, other = (sdesim.simulate(sde, scheme=name, **same) for name in (SCHEME, "milstein"))

    np.testing.assert_array_equal(run["theta"], other["theta"])
    assert run.attrs["scheme"] == SCHEME
    with pytest.raises(SdesimError, match=f"scheme '{SCHEME}' takes a diffusion of the equation's own"):
        sdesim.simulate(sdes.OrnsteinUhlenbeck(1.0, 0.5), scheme=SCHEME, **same)
