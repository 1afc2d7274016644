"""Reduced values with their intervals and flags."""

import numpy as np
import pytest

from sdesim import reductions
from sdesim.errors import RunError
from tests.engine.reductions.reduced import run


def test_an_estimate_has_the_interval_of_its_error_and_the_live_trajectories():
    found = reductions.estimate(run(), "moment", level=0.9)

    half = 1.6448536269514722 * run()["moment_error"].values
    np.testing.assert_allclose(found.high - found.value, half, rtol=1e-9, atol=1e-15)
    np.testing.assert_array_equal(found.n[0, :, 0], run()["live_count"])
    np.testing.assert_array_equal(found.flags["trajectories_ended"][0, :, 0], run()["stopped_count"] > 0)
    assert set(found.flags) == {"trajectories_ended"}


def test_quantiles_keep_their_own_interval():
    found = reductions.estimate(run(), "quantile")

    np.testing.assert_array_equal(found.low, run()["quantile_low"])
    with pytest.raises(RunError, match=r"at level 0\.95, got level 0\.9"):
        reductions.estimate(run(), "quantile", level=0.9)


def test_what_the_noise_leaves_without_a_value_is_flagged():
    heavy = run().assign_attrs(infinite_moments=[2, 3, 4], infinite_means=["covariance"])

    flags = reductions.estimate(heavy, "moment").flags["infinite_moment"]
    np.testing.assert_array_equal(flags[:, 0, 0], [False, True, True, True])
    assert reductions.estimate(heavy, "covariance").flags["infinite_moment"].all()


@pytest.mark.parametrize(("name", "message"), [("mean", "has no 'mean'"), ("minimum", "has no error")])
def test_what_is_no_estimate_is_refused(name, message):
    with pytest.raises(RunError, match=message):
        reductions.estimate(run(), name)
