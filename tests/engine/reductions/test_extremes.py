"""Extremes of the live states, and so far."""

import numpy as np

from tests.engine.reductions.reduced import live_states, run


def test_extremes_are_those_of_the_saved_states_that_have_not_ended():
    theta = live_states(run())

    low, high = np.nanmin(theta, axis=0), np.nanmax(theta, axis=0)
    np.testing.assert_array_equal(run()["minimum"], low)
    np.testing.assert_array_equal(run()["maximum"], high)
    np.testing.assert_array_equal(run()["running_minimum"], np.minimum.accumulate(low))
    np.testing.assert_array_equal(run()["running_maximum"], np.maximum.accumulate(high))
