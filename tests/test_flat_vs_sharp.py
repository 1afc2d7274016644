"""Correlations over a grid of trainings, on numbers made here."""

from __future__ import annotations

import numpy as np

from analysis.flat_vs_sharp.__main__ import correlation, interval


def test_a_confounder_makes_a_correlation_that_is_gone_once_it_is_given():
    rng = np.random.default_rng(1)
    batch = np.repeat(np.arange(25.0), 4)
    x, y = batch + rng.standard_normal(100), -batch + rng.standard_normal(100)

    # |r| of the batch's part is 52/53; what is left is the noise's own r, of standard error 0.1.
    assert correlation(x, y) < -0.95
    assert abs(correlation(x, y, batch[:, None])) < 0.5


def test_the_interval_counts_cells_and_not_seeds():
    rng = np.random.default_rng(2)
    cells = np.repeat(np.arange(16.0), 25)
    x, y = (rng.standard_normal(16)[cells.astype(int)] + 1e-3 * rng.standard_normal(400) for _ in range(2))

    value, low, high = interval(x, y, cells)

    # 16 cells: r of unrelated numbers has standard error 1/sqrt(15) = 0.26; 400 free rows would give 0.05.
    assert low < value < high
    assert high - low > 0.4
