"""C over a window: the ratio of averages, with blocks where the window is slow."""

import math

import numpy as np
import pytest

from sdesim import estimators as est
from sdesim.errors import EstimatorError


def test_a_window_is_the_ratio_of_averages_and_not_the_average_of_ratios():
    rng, n = np.random.default_rng(2), 3
    g = rng.standard_normal((400, n, 2)) + 0.3
    signal, noise = (g.mean(axis=1) ** 2).sum(axis=1), g.var(axis=1, ddof=1).sum(axis=1)

    e = est.windowed_consolidation(signal, noise, n)

    assert e.value == pytest.approx((signal - noise / n).mean() / noise.mean())
    assert e.low < 0.09 < e.high
    # With 2 degrees of freedom per coordinate the single ratios have heavy tails and a large bias.
    assert e.details["average_of_ratios"] > 0.15
    assert est.windowed_consolidation([1.0, math.nan, 2.0], [1.0, 1.0, 1.0], 2, block=2).n == 2


def test_blocks_widen_the_interval_of_a_slow_window():
    rng = np.random.default_rng(3)
    slow = np.repeat(1 + 0.5 * rng.standard_normal(20), 10)

    single = est.windowed_consolidation(slow, np.ones(200), 1e9)
    blocked = est.windowed_consolidation(slow, np.ones(200), 1e9, block=10)

    assert blocked.value == pytest.approx(single.value)
    assert blocked.high - blocked.low > 2 * (single.high - single.low)


def test_gt37_stationary_c_of_sgd_is_where_the_drift_vanishes():
    lam, sig, eta, w, n = np.array([1.0, 4.0, 10.0]), np.array([1.0, 0.5, 2.0]), 0.05, 20_000, 4
    rng = np.random.default_rng(4)
    theta = rng.standard_normal((w, 3)) * np.sqrt(eta * sig**2 / (lam * (2 - eta * lam)))
    g = (lam * theta)[:, None, :] + sig * rng.standard_normal((w, n, 3))

    e = est.windowed_consolidation((g.mean(axis=1) ** 2).sum(axis=1), g.var(axis=1, ddof=1).sum(axis=1), n)

    # The half width is 1.96 standard errors; 2.6 of it are five.
    assert abs(e.value - 0.2641433) < 2.6 * (e.high - e.low) / 2


def test_a_block_longer_than_the_window_is_refused():
    with pytest.raises(EstimatorError, match="longer than the window"):
        est.windowed_consolidation([1.0], [1.0], 4, block=3)
