"""The law of the state behind a wall, against Blumenthal, Getoor and Ray's, and what has no such law.

Each statistical test allows five standard errors (6e-7) or the level 1e-6, with fixed seeds.
"""

import math

import numpy as np
import pytest
from scipy import special, stats

import sdesim
from sdesim import events, jumps, noise, surfaces
from sdesim.kinds import Misfit
from tests.engine.events.test_watching import close, leave


def check_states(size, alpha, radius=1.0):
    """1/‖X‖² is Beta(α/2, 1 − α/2) in every dimension, from the centre of the unit ball.

    Places within 1e-9 of the wall are taken as one, which the numbers there are too coarse for.
    """
    inverse = np.minimum((radius / size) ** 2, 1.0 - 2e-9)
    law = stats.beta(0.5 * alpha, 1.0 - 0.5 * alpha)
    shares = np.concatenate([np.linspace(0.0, 0.99, 34), 1.0 - 0.1 ** np.arange(3, 9)])
    expected = np.append(np.diff(law.cdf(shares)), law.sf(shares[-1])) * size.size
    found = np.histogram(inverse, np.append(shares, 1.0))[0]
    assert (size > radius * (1.0 - 1e-11)).all()
    assert stats.chisquare(found, expected).pvalue > 1e-6


def walk(alpha, event, dt=0.01, n=20_000, dim=1, **options):
    laws = {"structure": "isotropic"} if dim > 1 else {}
    settings = {"surface": surfaces.Flat(dim), "steps": 1500, "dt": dt, "n": n, "save": ("loss",)} | options
    return leave(noise.Stable(alpha, 1.0, **laws), event, **settings)


@pytest.mark.parametrize("alpha", [1.2, 1.5, 1.8])
def test_states_behind_the_walls_of_an_interval_and_times_have_their_laws(alpha):
    run = walk(alpha, events.Exit(-1.0, 1.0, overshoot=True))

    mean = 1.0 / special.gamma(1.0 + alpha)
    assert run.attrs["exit_method"] == ["walk-on-spheres"]
    assert run.attrs["exit_flags"] == [""]
    states = run.exit_state.values[:, 0, 0]
    check_states(np.abs(states), alpha)
    assert close(run.exit_time.values[:, 0], mean, 0.003 * mean)
    np.testing.assert_array_equal(run.exit_wall.values[:, 0], states > 0.0)
    assert close((states > 0.0).astype(float), 0.5)


def test_states_behind_a_ball_have_the_same_law_in_all_directions():
    kappa = 2**-1.5 * special.gamma(1.0) / (special.gamma(1.75) * special.gamma(1.75))
    run = walk(1.5, events.Exit.ball(0.0, 1.0, overshoot=True), dt=kappa / 50, dim=2, n=8000)

    states = run.exit_state.values[:, 0]
    check_states(np.linalg.norm(states, axis=1), 1.5)
    assert close(run.exit_time.values[:, 0], kappa, 0.005 * kappa)
    angles = np.arctan2(states[:, 1], states[:, 0]) / (2 * math.pi) + 0.5
    assert stats.kstest(angles, "uniform").pvalue > 1e-6


def test_other_splits_of_the_work_and_a_nested_event_give_the_same_exits_in_order():
    inner, outer = events.Exit(-0.5, 0.5, stop=False, overshoot=True), events.Exit(-1.0, 1.0, overshoot=True)
    both = leave(noise.Stable(1.5, 1.0), inner, outer, n=300, steps=300)
    few = leave(noise.Stable(1.5, 1.0), inner, outer, n=7, steps=300, save_every=7, threads=2)

    times = both.exit_time.values
    np.testing.assert_array_equal(times[:7], few.exit_time.values)
    np.testing.assert_array_equal(both.exit_state.values[:7], few.exit_state.values)
    left = ~np.isnan(times[:, 1])
    assert left.sum() > 100
    assert (times[left, 0] <= times[left, 1]).all()


def test_walls_of_one_coordinate_leave_the_other_its_own_law():
    run = leave(
        noise.Stable(1.5, [1.0, 0.5]), events.Exit(-1.0, 1.0, overshoot=True), surface=surfaces.Flat(2),
        steps=1500, n=8000,
    )  # fmt: skip

    states, times = run.exit_state.values[:, 0], run.exit_time.values[:, 0]
    check_states(np.abs(states[:, 0]), 1.5)
    # Independent of the first coordinate and its time: P(|X₂| > 1) = E P(|S| > 1/(½ T^{1/α})).
    beyond = 2.0 * sdesim.stable.sf(2.0 * times ** (-1 / 1.5), 1.5)
    assert close((np.abs(states[:, 1]) > 1.0) - beyond, 0.0, 0.002)


def test_beside_gaussian_noise_both_limits_have_their_laws_and_the_share_on_the_wall_lies_between():
    event = events.Exit(-1.0, 1.0, overshoot=True)

    def mixed(scale, diffusion):
        noises = [noise.Stable(1.5, scale), noise.Gaussian(diffusion)]
        run = leave(noises, event, steps=1500, save=("loss",), n=8000)
        size = np.abs(run.exit_state.values[:, 0, 0])
        assert (size > 1.0 - 1e-9).all()
        return run.exit_time.values[:, 0], size

    times, size = mixed(1.0, 1e-9)
    mean = 1.0 / special.gamma(2.5)
    assert close(times, mean, 0.005 * mean)
    # Within 1e-5 of the wall even so little Gaussian noise takes it over.
    beyond = 1.0 + 10.0 ** np.linspace(-4, 1, 20)
    exact = special.betainc(0.75, 0.25, beyond**-2.0)
    found = (size[:, None] > beyond).mean(axis=0)
    assert (np.abs(found - exact) < 5.5 * np.sqrt(exact * (1 - exact) / size.size)).all()
    times, size = mixed(1e-3, 1.0)
    assert close(times, 0.5, 0.003)
    assert (size < 1.0 + 1e-9).mean() > 0.99
    share = (mixed(1.0, 0.25)[1] < 1.0 + 1e-9).mean()
    assert 0.3 < share < 0.6


def test_drift_moves_the_state_between_the_leaps():
    # From 0.5 in (−1, 1) with drift −x: against steps a tenth as long, watched alike.
    settings = {"surface": surfaces.Quadratic([1.0]), "start": 0.5, "n": 10_000}
    event = events.Exit(-1.0, 1.0, overshoot=True)
    coarse = walk(1.5, event, dt=0.02, **settings)
    fine = walk(1.5, event, dt=0.002, **(settings | {"steps": 15_000, "n": 4000}))

    for name in ("exit_time", "exit_state"):
        first, second = (np.abs(run[name].values.reshape(-1)) for run in (coarse, fine))
        assert stats.ks_2samp(first, second).pvalue > 1e-6


@pytest.mark.parametrize(
    ("noises", "event", "options"),
    [
        (noise.Gaussian(1.0), events.Exit(-1.0, 1.0, overshoot=True), {}),
        (noise.Stable(1.5, 1.0, skew=0.5), events.Exit(-1.0, 1.0, overshoot=True), {}),
        (noise.Stable(0.9, 1.0), events.Exit(-1.0, 1.0, overshoot=True), {}),
        (noise.Stable(1.5, 1.0, tempering=1.0), events.Exit(-1.0, 1.0, overshoot=True), {}),
        ([noise.Stable(1.5, 1.0), noise.Multiplicative(1.0)], events.Exit(-1.0, 1.0, overshoot=True), {}),
        ([noise.Stable(1.5, 1.0)] * 2, events.Exit(-1.0, 1.0, overshoot=True), {}),
        (noise.CompoundPoisson(1.0, jumps.Normal(0.0, 1.0)), events.Exit(-1.0, 1.0, overshoot=True), {}),
        (noise.Stable(1.5, 1.0), events.Exit(-1.0, 1.0, overshoot=True, monitoring="discrete"), {}),
        (noise.Stable(1.5, 1.0), events.Exit.ball(0.0, 1.0, overshoot=True), {"surface": surfaces.Flat(2)}),
        (noise.Stable(1.5, 1.0), events.Exit(-1.0, 1.0, overshoot=True), {"dtype": "float32"}),
        (noise.Stable(1.5, 1.0), events.Exit(-1.0, 1.0, overshoot=True), {"scheme": "implicit-euler"}),
    ],
)
def test_where_the_law_is_not_known_it_is_refused(noises, event, options):
    with pytest.raises(Misfit) as told:
        leave(noises, event, n=2, **options)

    assert told.value.problems[0][0] == ("events", 0, "overshoot")
    assert "allowed" in told.value.problems[0][1]


def test_a_level_has_no_distance_to_walk_by():
    with pytest.raises(Misfit, match="first order"):
        events.Exit.level(lambda t: t[0], 1.0, overshoot=True)
