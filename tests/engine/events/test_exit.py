"""Exits from an interval: when, and what happens then."""

import math

import numpy as np
import pytest

import sdesim
from sdesim import events, noise, surfaces
from sdesim.kinds import Misfit
from tests.engine.simulated import simulate


def test_mean_exit_time_from_a_double_well_matches_the_exact_integral():
    n = 1000
    run = sdesim.simulate(
        surfaces.DoubleWell(), noise.Gaussian(diffusion=0.1), dt=2e-3, steps=250_000, trajectories=n,
        seed=4, save_every=250_000, events=[events.Exit(upper=0.0)], progress=False,
    )  # fmt: skip

    # (1/D) ∫_{−1}^0 e^{L/D} ∫_{−∞}^y e^{−L/D} = 30.82 by quadrature; nearly exponential times, so the
    # standard error is 1/√n; the discrete path is seen late by about 0.58 √(2D dt) of space, 1.5% of time.
    assert not run.exit_censored.values.any()
    assert abs(run.exit_time.values.mean() / 30.82 - 1) < 5 / math.sqrt(n) + 0.03
    assert (run.status.values == 2).all()


def test_exits_are_the_first_iterates_outside_and_stopped_trajectories_stay():
    case = (surfaces.Flat(1), [noise.Gaussian(diffusion=0.2)])
    free = simulate(case, save_every=1, steps=200, trajectories=40)
    stopped = simulate(
        case,
        save_every=1,
        steps=200,
        trajectories=40,
        events=[events.Exit(lower=-0.5, upper=0.7, monitoring="discrete")],
    )

    x = free.theta.values[:, :, 0]
    outside = (x < -0.5) | (x > 0.7)
    first = np.where(outside.any(axis=1), outside.argmax(axis=1), -1)
    assert (first >= 0).any()
    assert (first < 0).any()
    expected = np.where(first >= 0, first * 0.01, np.nan)
    np.testing.assert_array_equal(stopped.exit_time.values[:, 0], expected)
    np.testing.assert_array_equal(stopped.exit_censored.values[:, 0], first < 0)
    assert stopped.attrs["exit_method"] == ["discrete"]
    for k in np.flatnonzero(first >= 0):
        assert (stopped.theta.values[k, first[k] :, 0] == x[k, first[k]]).all()


def test_starting_outside_is_an_exit_at_time_zero_where_others_start_inside():
    starts = np.array([[2.0], [-1.0]])
    run = simulate(
        (surfaces.DoubleWell(), ()), theta0=starts, trajectories=2, events=[events.Exit(upper=1.0)]
    )

    assert run.exit_time.values[0, 0] == 0.0
    assert np.isnan(run.exit_time.values[1, 0])
    assert (run.theta.values[0] == 2.0).all()
    assert run.exit_state.values[0, 0, 0] == 2.0
    assert run.exit_wall.values[0, 0] == -1
    with pytest.raises(Misfit, match=r"events\[0\]\.upper: found 1, allowed: at least the start, 2"):
        simulate((surfaces.DoubleWell(), ()), theta0=2.0, events=[events.Exit(upper=1.0)])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"lower": 2.0, "upper": 1.0}, "upper: found 1, allowed: above lower, 2"),
        ({"lower": math.inf}, "lower: found inf, allowed: a finite number"),
        ({"upper": math.nan}, "upper: found nan, allowed: a finite number"),
        ({"coordinate": -1}, "coordinate: found -1, allowed: a number of at least 0"),
        ({}, "upper: missing, give lower, upper or both"),
    ],
)
def test_bounds_that_bound_nothing_are_refused(fields, words):
    with pytest.raises(Misfit) as caught:
        events.Exit(**fields)

    assert str(caught.value).startswith(words)
