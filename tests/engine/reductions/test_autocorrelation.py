"""Correlations of pairs of saved states, and their errors against the spread of leaves."""

import numpy as np
import pytest

from sdesim import reductions
from sdesim.engine.reductions.base import Setting
from sdesim.errors import SdesimError
from tests.engine.reductions.reduced import live_states, run


def pair(step, lag):
    """θ now and a lag before (n, 2) of coordinate 0, and the number of each trajectory (n,)."""
    theta, saved = live_states(run()), run()["step"].values
    at, before = (int(np.flatnonzero(saved == n)[0]) for n in (step, step - lag))
    live = ~np.isnan(theta[:, at, 0])
    return theta[live][:, [at, before], 0], np.flatnonzero(live)


@pytest.mark.parametrize(("step", "lag"), [(40, 10), (200, 10), (40, 30), (200, 30)])
def test_it_is_the_correlation_of_states_a_lag_apart(step, lag):
    x, _ = pair(step, lag)
    found = run().sel(step=step, lag=lag).isel(param=0)

    np.testing.assert_allclose(found["autocorrelation"], np.corrcoef(x.T)[0, 1], rtol=1e-10)
    np.testing.assert_allclose(found["autocovariance"], np.cov(x.T)[0, 1], rtol=1e-10)


def test_there_is_none_before_the_run_began_or_between_steps_that_lie_otherwise_apart():
    found = run()["autocorrelation"].isel(param=0)

    assert np.isnan(found.sel(lag=30, step=[0, 10, 20])).all()
    # All start from one point, which nothing is correlated with.
    assert np.isnan(found.sel(lag=30, step=30))
    # The last step, 205, lies 5 after a saved one.
    assert np.isnan(found.sel(step=205)).all()


def test_the_error_is_of_the_delta_method_over_leaves_of_64():
    x, numbers = pair(200, 30)
    rho = np.corrcoef(x.T)[0, 1]
    parts = [x[numbers // 64 == leaf] for leaf in range(11)]
    centred = np.array([np.cov(p.T, bias=True) * len(p) for p in parts])
    whole = np.cov(x.T, bias=True) * len(x)
    scale = np.sqrt(whole[0, 0] * whole[1, 1])
    shares = centred[:, 0, 0] / whole[0, 0] + centred[:, 1, 1] / whole[1, 1]

    error = np.sqrt(((centred[:, 0, 1] / scale - 0.5 * rho * shares) ** 2).sum() * 11 / 10)

    found = run()["autocorrelation_error"].sel(step=200, lag=30)[0]
    np.testing.assert_allclose(found, error, rtol=1e-8)


@pytest.mark.parametrize(
    ("lags", "message"),
    [([0], "no whole number"), (2.5, "no whole number"), ([10, 5], "do not increase")],
)
def test_what_is_no_lag_is_refused(lags, message):
    with pytest.raises(SdesimError, match=message):
        reductions.Autocorrelation(lags)


def test_lags_that_no_saved_steps_lie_apart_are_misfits():
    saved = np.array([0, 10, 20, 25])

    assert not list(reductions.Autocorrelation(10).misfits(Setting(1, 9, saved, 25)))
    assert not list(reductions.Autocorrelation(3, every="step").misfits(Setting(1, 9, saved, 25)))
    found = list(reductions.Autocorrelation([5, 30]).misfits(Setting(1, 9, saved, 25)))
    assert found == [
        (("lags", 0), "found 5, allowed: multiples of 10, the steps between saved ones"),
        (("lags", 1), "found 30, allowed: at most 25, the steps of the run"),
    ]
