"""Reflection: the half-normal law, the stationary law against a drift, and order 1."""

import numpy as np
import pytest

import sdesim
from sdesim import noise, schemes, surfaces, walls
from sdesim.engine.walls.kernels import reflect
from sdesim.kinds import Misfit


def folded(values, lower, upper, v=None):
    x = np.array([values], dtype=np.float64)
    second = np.zeros((0, len(values))) if v is None else np.array([v], dtype=np.float64)
    reflect(x, second, np.array([lower, upper, 0.0]))
    return x[0], second


def test_a_state_is_mirrored_as_often_as_it_takes():
    x, v = folded([0.5, -0.25, 1.25, 2.25, -1.25, 7.5], 0.0, 1.0, np.ones(6))
    np.testing.assert_allclose(x, [0.5, 0.25, 0.75, 0.25, 0.75, 0.5], rtol=1e-14)
    np.testing.assert_array_equal(v[0], [1, -1, -1, 1, 1, -1])

    np.testing.assert_array_equal(folded([-3.0, 3.0], 1.0, np.inf)[0], [5.0, 3.0])
    np.testing.assert_array_equal(folded([-3.0, 3.0], -np.inf, 1.0)[0], [-3.0, -1.0])
    assert np.isnan(folded([np.nan], 0.0, 1.0)[0][0])


def test_reflected_brownian_motion_is_half_normal():
    """|W_t| with D = ½: E = √(2t/π), E x² = t, at dt = 1e-3; six standard errors, a false alarm in 2.5e8."""
    count, time = 10_000, 0.5
    run = sdesim.simulate(
        surfaces.Flat(1), noise.Gaussian(0.5), 0.0, dt=1e-3, steps=500, trajectories=count, seed=11,
        boundary=walls.Reflecting(lower=0.0), save_every=500, progress=False,
    )  # fmt: skip
    x = run["theta"].values[:, -1, 0]

    assert x.min() >= 0.0
    exact = np.sqrt(2 * time / np.pi)
    assert abs(x.mean() - exact) < 6 * np.sqrt((time - exact**2) / count)
    assert abs(np.mean(x**2) - time) < 6 * np.sqrt(2 * time**2 / count)


def test_against_a_drift_the_law_is_exponential_with_order_one():
    """dx = −dt + dW over 0: stationary density 2e^{−2x}, mean ½, and the step adds about dt/2: order 1."""
    # A bowl so wide and far away that its slope is 1 everywhere.
    slope, off = surfaces.Quadratic([1e-6], center=-1e6), []
    for dt in (0.4, 0.1):
        run = sdesim.simulate(
            slope, noise.Gaussian(0.5), 0.5, dt=dt, steps=round(400 / dt), trajectories=512, seed=3,
            boundary=walls.Reflecting(lower=0.0), save_every=round(2 / dt), progress=False,
        )  # fmt: skip
        off.append(run["theta"].values[:, 5:, 0].mean() - 0.5)

    # Standard errors of 0.002, from the spread between trajectories: ratios of order ½ and 2 are far away.
    assert 2.8 < off[0] / off[1] < 5.6
    assert abs(off[1]) < 0.1


def test_a_velocity_turns_round_and_the_law_stays():
    """Underdamped motion in a box: uniform in x, whatever the step."""
    run = sdesim.simulate(
        surfaces.Flat(1), noise.Gaussian(1.0), 0.5, dt=0.05, steps=2000, trajectories=400, seed=5,
        scheme=schemes.BAOAB(friction=1.0), boundary=[walls.Reflecting(0.0, 1.0)], save_every=100,
        progress=False,
    )  # fmt: skip
    x = run["theta"].values[:, 5:, 0]
    # 400 × 16 states five relaxation times apart: six standard errors of the mean and of the second moment.
    assert abs(x.mean() - 0.5) < 6 * np.sqrt(1 / 12 / x.size)
    assert abs(np.mean(x**2) - 1 / 3) < 6 * np.sqrt((1 / 5 - 1 / 9) / x.size)


@pytest.mark.parametrize(
    ("wall", "place", "words"),
    [
        ({}, ("lower",), "give lower, upper or both"),
        ({"lower": 1.0, "upper": 1.0}, ("upper",), "above lower"),
        ({"lower": 0.0, "coordinate": -1}, ("coordinate",), "0"),
    ],
)
def test_bad_fields_are_named(wall, place, words):
    with pytest.raises(Misfit) as caught:
        walls.Reflecting(**wall)
    assert caught.value.problems[0][0] == place
    assert words in caught.value.problems[0][1]
