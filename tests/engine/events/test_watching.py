"""What lies between two steps: exits of a path that is watched continuously, against exact laws.

Each statistical test allows five standard errors (6e-7) or the level 1e-6, with fixed seeds.
"""

import json
import math

import numpy as np
import pytest
from scipy import special, stats

import sdesim
from sdesim import events, noise, schemes, surfaces


def leave(noises, *watched, dt=0.01, steps=600, n=20_000, surface=None, start=0.0, **options):
    settings = {"save_every": steps, "save": ("theta",), "progress": False, "seed": 3} | options
    return sdesim.simulate(
        surface or surfaces.Flat(1),
        noises,
        start,
        dt=dt,
        steps=steps,
        trajectories=n,
        events=watched,
        **settings,
    )


def close(values, exact, bias=0.0):
    error = values.std(ddof=1) / math.sqrt(values.size)
    return abs(values.mean() - exact) < 5 * error + bias


def test_brownian_motion_leaves_an_interval_when_it_should_and_by_steps_late():
    times = leave(noise.Gaussian(1.0), events.Exit(-1.0, 1.0)).exit_time.values[:, 0]
    late = leave(noise.Gaussian(1.0), events.Exit(-1.0, 1.0, monitoring="discrete")).exit_time.values[:, 0]

    # (1 − x²)/2D, and for the walk 17.9% more.
    assert close(times, 0.5)
    assert close(late, 0.5895, 0.002)


def test_the_law_of_the_time_is_right_within_one_long_step_and_the_state_is_on_the_wall():
    covariance, whole = np.array([[0.5, 0.3], [0.3, 0.4]]), 2 * stats.norm.sf(1.0)
    for diffusion in (np.diag([0.5, 0.4]), covariance):
        run = leave(
            noise.Gaussian(diffusion), events.Exit(upper=1.0), surface=surfaces.Flat(2), dt=1.0, steps=1
        )
        left = ~run.exit_censored.values[:, 0]
        times, states = run.exit_time.values[left, 0], run.exit_state.values[left, 0]
        # P(τ ≤ t) = 2 Φ(−1/√t) as 2D₀₀ = 1; constant coefficients make the bridge exact in any step.
        assert abs(left.mean() - whole) < 5 * math.sqrt(whole * (1 - whole) / left.size)
        assert stats.kstest(times, lambda t: 2 * stats.norm.sf(1 / np.sqrt(t)) / whole).pvalue > 1e-6
        np.testing.assert_allclose(states[:, 0], 1.0, atol=1e-12)
        # Given τ the other coordinate is its regression on the wall, and what is independent of it over τ.
        slope = diffusion[0, 1] / diffusion[0, 0]
        free = 2 * (diffusion[1, 1] - diffusion[0, 1] * slope)
        z = (states[:, 1] - slope) / np.sqrt(free * times)
        assert stats.kstest(z, "norm").pvalue > 1e-6
        assert (run.exit_wall.values[left, 0] == 1).all()
        np.testing.assert_array_equal(run.theta.values[left, -1], states)


def test_through_which_wall_a_path_leaves():
    run = leave(noise.Gaussian(1.0), events.Exit(-1.0, 3.0), steps=3000, n=8000)

    # The chance of the upper one is the distance of the lower one over the width.
    upper = (run.exit_wall.values[:, 0] == 1).astype(float)
    assert close(upper, 0.25)
    assert close(run.exit_time.values[:, 0], 1.5)


@pytest.mark.parametrize("alpha", [1.2, 1.5, 1.8])
def test_stable_processes_leave_as_getoor_says_with_walls_moved_in(alpha):
    run = leave(noise.Stable(alpha, 1.0), events.Exit(-1.0, 1.0), steps=1500)

    assert run.attrs["exit_method"] == ["moved-walls"]
    assert close(run.exit_time.values[:, 0], 1 / special.gamma(1 + alpha), 0.005 / special.gamma(1 + alpha))
    # P(|X| > 2) of the state behind the wall, by Blumenthal, Getoor and Ray's density.
    y = 1.0 / np.linspace(0.0, 0.5, 20_001)[1:]
    density = 2 * math.sin(math.pi * alpha / 2) / math.pi * (y * y - 1) ** (-alpha / 2) / y * y**2
    beyond = float(np.sum(density) * 0.5 / 20_000 - 0.5 * density[-1] * 0.5 / 20_000)
    assert close((np.abs(run.exit_state.values[:, 0, 0]) > 2.0).astype(float), beyond, 0.01)


def test_a_mixture_and_multiplicative_noise_agree_with_steps_a_sixteenth_as_long():
    mixed = [noise.Stable(1.5, 1.0), noise.Gaussian(0.25)]
    scaled = [noise.Multiplicative(0.8), noise.Gaussian(0.2)]
    for noises, start in ((mixed, 0.0), ([*scaled, noise.Stable(1.6, 0.3)], 1.0)):
        wide = events.Exit(start - 1.0, start + 1.0)
        coarse = leave(noises, wide, start=start, steps=4000, n=8000).exit_time.values[:, 0]
        fine = leave(noises, wide, start=start, dt=0.01 / 16, steps=64_000, n=3000).exit_time.values[:, 0]
        error = math.hypot(coarse.std() / math.sqrt(8000), fine.std() / math.sqrt(3000))
        # Second order in the shift: at most a hundredth.
        assert abs(coarse.mean() - fine.mean()) < 5 * error + 0.01 * fine.mean()


def test_the_path_keeps_its_bits_and_other_splits_of_the_work_give_the_same_exits():
    free = leave(noise.Gaussian(0.2), steps=200, n=40, save_every=1)
    first = leave(noise.Gaussian(0.2), events.Exit(-0.5, 0.7), steps=200, n=40, save_every=1)
    split = leave(noise.Gaussian(0.2), events.Exit(-0.5, 0.7), steps=200, n=40, save_every=7, threads=2)

    times = np.nan_to_num(first.exit_time.values[:, 0], nan=9.0)
    before = np.arange(201)[None] * 0.01 <= times[:, None]
    np.testing.assert_array_equal(free.theta.values[..., 0][before], first.theta.values[..., 0][before])
    np.testing.assert_array_equal(first.exit_time.values, split.exit_time.values)
    np.testing.assert_array_equal(first.exit_state.values, split.exit_state.values)
    few = leave(noise.Gaussian(0.2), events.Exit(-0.5, 0.7), steps=200, n=3)
    np.testing.assert_array_equal(few.exit_time.values, first.exit_time.values[:3])


def test_of_two_events_the_earlier_one_stops_and_the_other_was_not():
    both = (events.Exit(upper=1.0), events.Exit(lower=-1.0))
    run = leave(noise.Gaussian(1.0), *both)

    times = run.exit_time.values
    assert (np.isnan(times).sum(axis=1) == 1).all()
    assert close(np.nanmin(times, axis=1), 0.5)
    going = leave(noise.Gaussian(1.0), *(events.Exit(e.lower, e.upper, stop=False) for e in both), steps=600)
    first = np.nanargmin(times, axis=1)
    rows = np.arange(len(first))
    np.testing.assert_array_equal(going.exit_time.values[rows, first], times[rows, first])
    assert (going.status.values == 0).all()


def test_a_smooth_path_is_taken_for_straight_and_a_map_is_watched_at_its_steps():
    still = leave((), events.Exit(lower=0.5), surface=surfaces.Quadratic([1.0]), start=1.0, steps=100, n=1)
    assert still.attrs["exit_method"] == ["interpolated"]
    # Euler's broken line crosses ½ where its own points say.
    line = 0.99 ** np.arange(100)
    k = int(np.argmax(line < 0.5))
    expected = 0.01 * (k - 1 + (line[k - 1] - 0.5) / (line[k - 1] - line[k]))
    assert still.exit_time.values[0, 0] == pytest.approx(expected, rel=1e-12)
    assert still.exit_state.values[0, 0, 0] == pytest.approx(0.5, rel=1e-12)
    thrown = leave(noise.Gaussian(1.0), events.Exit(-1.0, 1.0), scheme=schemes.BAOAB(1.0), n=10)
    assert thrown.attrs["exit_method"] == ["interpolated"]
    steps = leave(noise.Gaussian(1.0), events.Exit(-1.0, 1.0), scheme="sgd", n=10)
    assert (steps.attrs["exit_method"], steps.attrs["exit_flags"]) == (["discrete"], [""])


def test_what_is_seen_late_or_coarsely_is_flagged():
    cauchy = leave(noise.Stable(1.0, 1.0), events.Exit(-1.0, 1.0), n=200)
    assert cauchy.attrs["exit_flags"] == ["exit_discrete"]
    assert sdesim.exit_statistics(cauchy).mean.has("exit_discrete")
    coarse = leave(noise.Stable(1.8, 1.0), events.Exit(-0.2, 0.2), n=200)
    assert sdesim.exit_statistics(coarse).mean.has("exit_coarse")
    assert json.loads(coarse.attrs["exit_shift"])[0][0] == pytest.approx(0.0621, abs=1e-4)
    fine = leave(noise.Stable(1.8, 1.0), events.Exit(-1.0, 1.0), dt=1e-3, n=10)
    assert fine.attrs["exit_flags"] == [""]
