"""Histograms against NumPy's."""

import numpy as np
import pytest

from sdesim import reductions
from sdesim.engine.reductions.counts_kernels import take_counts
from sdesim.errors import SdesimError
from tests.engine.reductions.reduced import EDGES, live_states, run


def test_counts_are_those_of_numpy_and_the_rest_lies_outside():
    theta = live_states(run())

    for step in (0, 7, -1):
        for k in range(2):
            x = theta[~np.isnan(theta[:, step, k]), step, k]
            np.testing.assert_array_equal(run()["histogram"][:, step, k], np.histogram(x, EDGES)[0])
            assert run()["histogram_below"][step, k] == (x < EDGES[0]).sum()
            assert run()["histogram_above"][step, k] == (x > EDGES[-1]).sum()
    np.testing.assert_array_equal(run()["bin_low"], EDGES[:-1])
    np.testing.assert_array_equal(run()["bin_high"], EDGES[1:])


def test_bins_of_equal_width_are_numpys_on_and_beside_every_edge():
    made = reductions.Histogram(7, -0.3, 0.4)
    edges = made.edges
    x = np.concatenate([edges, np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf)])
    tile, live = np.zeros((1, 1, 64)), np.zeros((1, 64), dtype=np.uint8)
    tile[0, 0, : len(x)], live[0, : len(x)] = x, 1
    out = made.blank(1).reshape(1, 1, -1)

    take_counts(tile, live, np.array([0]), np.zeros((1, 0), dtype=np.int64), made.params(1), out)

    np.testing.assert_array_equal(out[0, 0, 1:-1], np.histogram(x, edges)[0])
    assert out[0, 0, 0] == (x < -0.3).sum() == 1
    assert out[0, 0, -1] == (x > 0.4).sum() == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"bins": [0.0, 1.0, 1.0]}, "bins: found edges that do not increase, allowed: two or more that do"),
        ({"bins": [0.0, 1.0], "low": 0.0}, "low: found beside edges"),
        ({"bins": 4}, "low: missing"),
        ({"bins": 2.5, "low": 0.0, "high": 1.0}, "bins: found 2.5, allowed: a whole number"),
        ({"bins": 4, "low": 1.0, "high": 1.0}, "high: found 1, allowed: above low, 1"),
        ({"bins": 1000, "low": 1e17, "high": 1e17 + 64}, "bins: found 1000, allowed: so few"),
    ],
)
def test_bins_that_are_none_are_refused(given, message):
    with pytest.raises(SdesimError, match=message):
        reductions.Histogram(**given)
