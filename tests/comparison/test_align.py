"""Two runs on one time axis: the real run's times, and nothing extrapolated."""

import numpy as np
import pytest
import xarray as xr

from sdesim.comparison.align import MAX_TIMES, Series, align, series
from sdesim.errors import RunError


def test_times_are_those_of_the_real_run_and_nothing_is_extrapolated():
    coarse, fine = np.array([[0.0, 1.0, 2.0]]), np.array([[0.5, 1.0, 1.5, 4.0]])
    nothing = np.full((1, 3), np.nan)
    simulated = Series(coarse, 2 * coarse, nothing, nothing)
    real = Series(fine, 2 * fine, np.full((1, 4), np.nan), np.full((1, 4), np.nan))

    both = align(simulated, real)

    np.testing.assert_allclose(both.times, [0.5, 1.0, 1.5])
    np.testing.assert_allclose(both.simulated, both.real)


def arm(time, values):
    """A series without intervals of trajectories (n, T) at common times (T,)."""
    values = np.atleast_2d(np.asarray(values, dtype=float))
    nothing = np.full(values.shape, np.nan)
    return Series(np.broadcast_to(np.asarray(time, dtype=float), values.shape), values, nothing, nothing)


def test_a_trajectory_that_is_mostly_missing_is_dropped_and_then_times_that_any_other_lacks():
    time = np.arange(4.0)
    simulated = arm(time, [[0, 1, 2, 3], [0, np.nan, np.nan, np.nan], [0, 1, np.nan, 3]])

    both = align(simulated, arm(time, [0, 1, 2, 3]))

    assert both.dropped == 1
    np.testing.assert_array_equal(both.times, [0, 1, 3])
    np.testing.assert_array_equal(both.simulated, [[0, 1, 3], [0, 1, 3]])
    np.testing.assert_array_equal(both.real, [[0, 1, 3]])


def test_a_value_is_lost_beside_a_missing_one_but_not_on_its_own_time():
    simulated = arm([0, 1, 2, 3, 4], [0, 1, np.nan, 3, 4])

    both = align(simulated, arm([0.5, 1, 1.5, 3, 3.5], [0.5, 1, 1.5, 3, 3.5]))

    np.testing.assert_array_equal(both.times, [0.5, 1, 3, 3.5])
    np.testing.assert_allclose(both.simulated, both.real, rtol=1e-14)


def test_arms_that_share_no_time_or_hold_no_value_are_not_aligned():
    assert align(arm([0, 1], [0, 1]), arm([2, 3], [2, 3])) is None
    assert align(arm([0, 1], [np.nan, np.nan]), arm([0, 1], [0, 1])) is None


def test_many_times_are_thinned_with_both_ends_kept():
    time = np.arange(1001.0)

    both = align(arm(time, time), arm(time, time))

    assert (both.times.size, both.times[0], both.times[-1]) == (MAX_TIMES, 0.0, 1000.0)


def test_a_series_is_measured_where_it_can_be_and_else_the_run_s_own():
    time = ("step", [0.0, 0.1])
    run = xr.Dataset({"loss": (("step", "trajectory"), [[1.0, 2.0], [3.0, 4.0]])}, {"time": time})
    probe = (("trajectory", "probe"), [[5.0]])
    measured = xr.Dataset({"S": probe, "S_low": probe}, {"probe_time": ("probe", [0.1])})

    loss, s = series(run, measured, "loss"), series(run, measured, "S")

    np.testing.assert_array_equal(loss.values, [[1, 3], [2, 4]])
    np.testing.assert_array_equal(loss.time, [[0, 0.1], [0, 0.1]])
    assert np.isnan(loss.low).all()
    assert (s.time.item(), s.values.item(), s.low.item()) == (0.1, 5.0, 5.0)
    assert np.isnan(s.high).all()
    assert series(run, measured, "C_alpha") is None
    with pytest.raises(RunError, match="the run has no 'time' coordinate"):
        series(run.drop_vars("time"), None, "loss")


def test_what_is_probed_has_no_rows_of_trajectories_that_are_not():
    probed = (("trajectory", "probe"), [[5.0], [6.0], [np.nan]])
    whole = (("trajectory", "probe"), [[5.0], [6.0], [7.0]])
    measured = xr.Dataset({"S": probed, "dimension": whole}, {"probe_time": ("probe", [0.1])})
    run = xr.Dataset(attrs={"probe_trajectories": 2})

    assert [len(series(run, measured, name).values) for name in ("S", "dimension")] == [2, 3]
    assert series(run, measured, "S").time.shape == (2, 1)


def test_of_unevenly_saved_times_only_those_are_compared():
    times = np.array([[0.1, 1.0, 10.0]])
    values = np.array([[1.0, 2.0, 3.0]])
    nothing = np.full(values.shape, np.nan)
    clock = np.arange(0.0, 11.0)[None]
    simulated = Series(times, values, nothing, nothing, uneven=True)
    real = Series(clock, clock, np.full(clock.shape, np.nan), np.full(clock.shape, np.nan))

    found = align(simulated, real)

    assert found.times.tolist() == [1.0, 10.0]
    assert found.simulated.tolist() == [[2.0, 3.0]]


def test_arms_of_an_optimizer_are_aligned_by_its_steps_where_time_stands_still_or_is_another():
    steps = np.arange(5.0)
    time = np.array([0.0, 0.0, 0.0, 1.0, 3.0])
    values = steps**2
    nothing = np.full((1, 5), np.nan)
    fine = np.arange(0, 4.5, 0.5)
    twin = Series(
        np.interp(fine, steps, time)[None], (fine**2)[None], np.full((1, 9), np.nan), np.full((1, 9), np.nan),
        steps=fine[None],
    )  # fmt: skip

    still = align(twin, Series(time[None], values[None], nothing, nothing, steps=steps[None]))
    plain = Series(steps[None], values[None], nothing, nothing, steps=steps[None])
    other = Series(0.9 * twin.time, twin.values, twin.low, twin.high, steps=twin.steps)

    # The real run's times are told, though they stand still.
    np.testing.assert_allclose(still.times, time)
    np.testing.assert_allclose(still.simulated, still.real)
    np.testing.assert_allclose(align(other, plain).simulated[0], values)
    # Without steps of both it is time that they share.
    assert align(Series(twin.time, twin.values, twin.low, twin.high), plain).times[-1] == 3.0


def test_the_steps_of_an_optimizer_are_its_own_and_those_of_its_twin_in_shares():
    held = {"loss": (("trajectory", "step"), np.ones((1, 3)))}
    coords = {"step": [0, 2, 4], "time": ("step", [0.0, 0.1, 0.2])}
    real = xr.Dataset(held, coords, {"kind": "real"})
    twin = xr.Dataset(held, coords, {"kind": "simulated", "learning_rate": 0.1, "dt": 0.05})
    walked = twin.assign(sde_time=("step", [0.0, 0.1, 0.2]))

    assert series(real, None, "loss").steps.tolist() == [[0.0, 2.0, 4.0]]
    assert series(walked, None, "loss").steps.tolist() == [[0.0, 1.0, 2.0]]
    assert series(twin, None, "loss").steps is None
    # Those of a forecast go on from where the training stood.
    ahead = walked.assign_attrs(forecast_from=6)
    assert series(ahead, None, "loss").steps.tolist() == [[6.0, 7.0, 8.0]]
