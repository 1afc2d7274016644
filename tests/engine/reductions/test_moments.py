"""Moments against NumPy's of the saved states, their errors, and what heavy tails leave without a value."""

import numpy as np

from sdesim import reductions
from sdesim.engine.reductions.base import Setting
from tests.engine.reductions.reduced import live_states, run


def test_moments_are_those_of_the_saved_states_that_have_not_ended():
    theta = live_states(run())
    counts = (~np.isnan(theta[:, :, 0])).sum(axis=0)

    assert 0 < run()["stopped_count"].values[-1] < 700
    np.testing.assert_array_equal(run()["live_count"], counts)
    np.testing.assert_array_equal(run()["stopped_count"], 700 - counts)
    assert not run()["lost_count"].values.any()
    deviations = theta - np.nanmean(theta, axis=0)
    for k in range(1, 5):
        # Sums of 700 numbers of about 1 in another order.
        close = {"rtol": 1e-11, "atol": 1e-13}
        moment, central = (run()[name].sel(order=k) for name in ("moment", "central_moment"))
        np.testing.assert_allclose(moment, np.nanmean(theta**k, axis=0), **close)
        np.testing.assert_allclose(central, np.nanmean(deviations**k, axis=0), **close)
        error = np.nanstd(theta**k, axis=0) / np.sqrt(counts - 1)[:, None]
        np.testing.assert_allclose(run()["moment_error"].sel(order=k), error, rtol=1e-8, atol=1e-13)


def test_the_error_of_a_variance_is_that_of_squared_deviations():
    theta = live_states(run())
    deviations = theta - np.nanmean(theta, axis=0)
    counts = run()["live_count"].values[:, None]

    error = np.nanstd(deviations**2, axis=0) / np.sqrt(counts - 1)

    np.testing.assert_allclose(run()["central_moment_error"].sel(order=2)[1:], error[1:], rtol=1e-9)


def test_a_small_spread_far_from_zero_keeps_its_digits():
    x = 1e8 + np.array([-1.0, 0.0, 1.0, 2.0] * 16)
    sums = np.array([[[64.0], [1e8 + 0.5], [80.0], [0.0], [164.0]]]).reshape(1, 5)

    found = reductions.Moments(2).results(sums, Setting(1))

    assert found["central_moment"][1, 0, 0] == np.var(x - 1e8) == 1.25
    np.testing.assert_allclose(found["moment_error"][0, 0, 0], np.sqrt(1.25 / 63), rtol=1e-15)


def test_moments_that_heavy_tails_leave_without_a_value_are_named_and_have_no_error():
    setting = Setting(1, 64, tail_index=1.5)
    sums = np.array([[64.0, 0.5, 80.0, 0.0, 164.0, 0.0, 400.0]])

    found = reductions.Moments(3).results(sums, setting)

    assert reductions.Moments(3).attributes(setting) == {"infinite_moments": [2, 3]}
    assert found["moment"][0, 0, 0] == 0.5
    assert np.isnan(found["moment_error"]).all()
    assert np.isnan(found["central_moment_error"]).all()
    assert reductions.Covariance().attributes(setting) == {"infinite_means": ["covariance"]}
    assert reductions.Autocorrelation(1).attributes(setting)["infinite_means"] == [
        "autocorrelation",
        "autocovariance",
    ]
