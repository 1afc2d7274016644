"""Quantiles lie within their resolution of the order statistics, and say where they can't be told."""

import numpy as np
import pytest

from sdesim import reductions
from sdesim.errors import SdesimError
from tests.engine.reductions.reduced import live_states, run


def counted(made, x):
    """The settled quantiles of numbers (n,), by NumPy's histogram: value, low, high, resolution (Q,)."""
    edges = np.concatenate([[-np.inf], made.edges, [np.inf]])
    counts = np.histogram(x, edges)[0].astype(float)
    return made.settle(counts[None], 1).reshape(4, -1)


def test_quantiles_lie_within_a_bin_of_the_order_statistics_and_their_interval_around():
    theta = live_states(run())

    for step in range(1, run().sizes["step"]):
        exact = np.nanquantile(theta[:, step], [0.1, 0.5, 0.9], axis=0, method="inverted_cdf")
        value, width = (run()[n].values[:, step] for n in ("quantile", "quantile_resolution"))
        assert (np.abs(value - exact) <= width).all()
        # Bins of an octave: 64 of them, of at most 1/64 of the value.
        assert (width <= np.maximum(np.abs(value) / 63, 2.0**-31)).all()
        assert (run()["quantile_low"].values[:, step] <= exact).all()
        assert (run()["quantile_high"].values[:, step] >= exact).all()
    assert not run()["quantile_outside"].any()


def test_octaves_reach_from_the_smallest_to_the_largest_bin_with_edges_that_increase():
    edges = reductions.Quantiles(0.5).edges

    assert (np.diff(edges) > 0).all()
    assert edges[-1] == -edges[0] == 2.0**32
    assert 2.0**-32 in edges
    assert 1.0 + 1 / 64 in edges


def test_the_interval_is_of_the_order_statistics():
    found = counted(reductions.Quantiles(0.5, low=0.0, high=100.0, bins=100), np.arange(100) + 0.5)

    # Ranks 50 ± 1.96 · 5: 40.2 and 59.8, in the bins from 40 and up to 60.
    np.testing.assert_array_equal(found[:, 0], [50.0, 40.0, 60.0, 1.0])


def test_a_quantile_beyond_the_bins_is_told_and_not_guessed():
    made = reductions.Quantiles([0.1, 0.9], low=0.0, high=1.0, bins=10)
    settled = counted(made, np.array([0.5] * 50 + [2.0] * 50))

    assert np.isnan(settled[0, 1])
    assert not np.isnan(settled[0, 0])
    assert settled[2, 1] == np.inf
    np.testing.assert_array_equal(np.isinf(settled[3]), [False, True])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"q": 1.0}, "q: found 1, allowed: numbers above 0 and below 1"),
        ({"q": [0.5, 0.0]}, "q: found 0, allowed"),
        ({"q": [0.5, 0.1]}, "q: found shares that do not increase"),
        ({"q": 0.5, "bins": 10}, "bins: found 10 without low and high"),
        ({"q": 0.5, "low": 1.0}, "high: missing"),
    ],
)
def test_what_is_no_share_is_refused(given, message):
    with pytest.raises(SdesimError, match=message):
        reductions.Quantiles(**given)
