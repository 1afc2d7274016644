"""Covariances against NumPy's, and their errors against the spread of leaves."""

import numpy as np

from sdesim import reductions
from sdesim.engine.reductions.base import Setting
from tests.engine.reductions.reduced import live_states, run


def test_the_matrix_is_that_of_the_saved_states():
    theta = live_states(run())

    for step in (1, 10, -1):
        x = theta[~np.isnan(theta[:, step, 0]), step]
        np.testing.assert_allclose(run()["covariance"][step], np.cov(x.T), rtol=1e-11)


def test_the_error_is_out_of_the_spread_of_leaves_of_64():
    theta = live_states(run())[:, -1]
    leaves = [x[~np.isnan(x[:, 0])] for x in np.split(theta, range(64, 700, 64))]
    rest = np.array([len(x) - 1 for x in leaves], dtype=float)
    own = np.array([np.cov(x.T)[0, 1] for x in leaves])
    whole = np.cov(theta[~np.isnan(theta[:, 0])].T)[0, 1]

    error = np.sqrt((rest**2 * (own - whole) ** 2).sum() * 11 / 10) / rest.sum()

    assert len(leaves) == 11
    np.testing.assert_allclose(run()["covariance_error"].values[-1, 1, 0], error, rtol=1e-9)


def test_few_leaves_have_no_error_and_many_coordinates_no_matrix():
    sums = np.array([[64.0, 1.0, 63.0, 63.0**2, 0.0, 63.0, 63.0**2, 63.0**2]])

    found = reductions.Covariance().results(sums, Setting(1))

    assert found["covariance"] == 1.0
    assert np.isnan(found["covariance_error"])
    wrong = list(reductions.Covariance().misfits(Setting(129, 1)))
    assert [text.split(",")[0] for _, text in wrong] == ["found 1 trajectories", "found 129 coordinates"]
