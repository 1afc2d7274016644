"""Regions of several coordinates: exact means, flags and refusals; five standard errors (6e-7) each."""

import numpy as np
import pytest
from scipy import special

from sdesim import events, noise, surfaces
from sdesim.kinds import Misfit
from tests.engine.events.test_watching import close, leave

FLAT = surfaces.Flat(2)


def test_brownian_motion_and_an_isotropic_stable_process_leave_a_ball_when_they_should():
    ball = events.Exit.ball(0.0, 1.0)
    # R²/(2dD), and Getoor's κ; dt a hundredth of each.
    times = leave(noise.Gaussian(1.0), ball, surface=surfaces.Flat(10), dt=5e-4, steps=1500, n=5000)
    assert close(times.exit_time.values[:, 0], 0.05, 0.0002)
    np.testing.assert_allclose(np.linalg.norm(times.exit_state.values[:, 0], axis=1), 1.0, atol=1e-9)
    kappa = 2**-1.5 * special.gamma(1.0) / (special.gamma(1.75) * special.gamma(1.75))
    stable = noise.Stable(1.5, 1.0, structure="isotropic")
    run = leave(stable, ball, surface=FLAT, dt=kappa / 100, steps=3000, n=8000)
    assert run.attrs["exit_method"] == ["moved-walls"]
    assert close(run.exit_time.values[:, 0], kappa, 0.01 * kappa)


def test_regions_that_are_one_another_leave_at_the_same_times():
    correlated = noise.Gaussian([[0.5, 0.3], [0.3, 0.4]])
    interval = leave(correlated, events.Exit(upper=1.0, lower=-50.0), surface=FLAT, n=500)
    plane = leave(correlated, events.Exit.half_space([2.0, 0.0], 2.0), surface=FLAT, n=500)
    box = leave(correlated, events.Exit.box([-50.0, -60.0], [1.0, 60.0]), surface=FLAT, n=500)
    level = leave(correlated, events.Exit.level(lambda t: 3.0 * t[0], 3.0), surface=FLAT, n=500)

    expected = interval.exit_time.values[:, 0]
    inside = ~np.isnan(expected)
    assert inside.any()
    np.testing.assert_array_equal(plane.exit_time.values[inside, 0] > 0, True)
    # Draws go by the number of the wall; with one wall in reach they decide alike.
    np.testing.assert_array_equal(np.isnan(plane.exit_time.values[:, 0]), ~inside)
    np.testing.assert_allclose(
        level.exit_time.values[inside, 0], plane.exit_time.values[inside, 0], atol=1e-6
    )
    assert (box.exit_wall.values[inside, 0] == 1).all()


def test_a_box_is_left_through_the_walls_of_its_sides():
    run = leave(
        noise.Gaussian([[1.0, 0.0], [0.0, 4.0]]), events.Exit.box(-1.0, [1.0, 2.0]), surface=FLAT, n=4000
    )

    walls = run.exit_wall.values[:, 0]
    states = run.exit_state.values[:, 0]
    places = np.array([-1.0, 1.0, -1.0, 2.0])
    np.testing.assert_allclose(states[np.arange(len(walls)), walls // 2], places[walls], atol=1e-9)
    assert set(walls) == {0, 1, 2, 3}


def test_stable_noise_along_the_axes_is_not_known_at_a_ball():
    run = leave(noise.Stable(1.5, 1.0), events.Exit.ball(0.0, 1.0), surface=FLAT, n=20)

    assert run.attrs["exit_flags"] == ["exit_discrete"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: events.Exit.ball(0.0, -1.0), "radius: found -1"),
        (lambda: events.Exit.box(1.0, 0.0), "upper: found one that is not above lower"),
        (lambda: events.Exit.half_space([0.0, 0.0], 1.0), "normal: found zeros"),
        (lambda: events.Exit.level(3.0, 1.0), "function: found 3.0"),
        (lambda: leave((), events.Exit.ball(3.0, 1.0), surface=FLAT, n=1), r"events[0].radius: found 1"),
        (lambda: leave((), events.Exit.ball([0, 0, 0], 1), surface=FLAT, n=1), r"events[0].center: found 3"),
        (lambda: leave((), events.Exit.box(1.0, 2.0), surface=FLAT, n=1), r"events[0].lower: found a wall"),
        (lambda: leave((), events.Exit.half_space([1.0, 1.0], -1.0), surface=FLAT, n=1), r"events[0].offset"),
        (lambda: leave((), events.Exit.level(lambda t: t[0], -1.0), surface=FLAT, n=1), r"events[0].value"),
        (lambda: leave((), events.Exit.level(lambda t: "a", 1.0), surface=FLAT, n=1), r"events[0].function"),
    ],
)
def test_what_holds_no_start_or_is_no_region_is_refused_with_its_field(make, words):
    with pytest.raises(Misfit) as caught:
        make()

    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)
