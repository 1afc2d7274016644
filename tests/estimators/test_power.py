"""The distance from a bound that an interval states is told from it nine times in ten."""

import math

import numpy as np
import pytest

from sdesim.estimators.core.power import interval_power
from sdesim.estimators.core.support import DEBIASED, POSITIVE, mean_interval


@pytest.mark.parametrize("n", [3, 8, 40])
def test_the_difference_stated_is_seen_nine_times_in_ten(n):
    rng = np.random.default_rng(n)
    half = 4.0  # the interval of an error of half/t
    told = interval_power(0.5, 0.5 - half, 0.5 + half, 0.0, n)
    error = told.difference / _noncentrality(n)

    draws = told.difference + error * math.sqrt(n) * rng.standard_normal((n, 20_000))
    _, low, _ = mean_interval(draws)

    # Five standard errors of 20,000 repeats at 0.9 are 0.0106.
    assert abs((low > 0).mean() - 0.9) < 0.0106


def _noncentrality(n):
    from scipy.optimize import brentq
    from scipy.stats import nct, t

    return brentq(lambda d: nct.sf(t.ppf(0.975, n - 1), n - 1, d) - 0.9, 0, 50)


@pytest.mark.parametrize("n", [3, 8])
def test_the_sample_stated_settles_what_was_measured_nine_times_in_ten(n):
    rng = np.random.default_rng(n)
    sd = math.sqrt(n)  # of a value, where that of the mean is 1
    from scipy.stats import t

    half = t.ppf(0.975, n - 1)
    told = interval_power(1.0, 1.0 - half, 1.0 + half, 0.0, n)

    _, low, _ = mean_interval(1.0 + sd * rng.standard_normal((told.needed, 20_000)))
    _, fewer, _ = mean_interval(1.0 + sd * rng.standard_normal((told.needed - 1, 20_000)))

    assert (low > 0).mean() > 0.9 - 0.0106
    assert (fewer > 0).mean() < 0.9 + 0.0106


def test_what_no_sample_settles_is_said_so():
    told = interval_power(1e-6, -1.0, 1.0, 0.0, 5)

    assert told.needed is None
    assert "10,000 samples don't settle the 1e-06 measured" in told.text


def test_an_end_cut_off_at_the_support_tells_nothing_of_the_error():
    free = interval_power(0.2, -0.2, 0.6, 0.1, 6)
    cut = interval_power(0.2, 0.0, 0.6, 0.1, 6, support=DEBIASED)

    assert (cut.difference, cut.needed) == pytest.approx((free.difference, free.needed))


def test_below_a_bound_of_a_positive_quantity_it_is_seen_in_the_logarithm():
    told = interval_power(0.8, 0.8 * math.exp(-1.0), 0.8 * math.exp(1.0), 1.0, 8, support=POSITIVE)

    assert told.difference == pytest.approx(1 - math.exp(-3.79519 / 2.36462), rel=1e-5)


@pytest.mark.parametrize("interval", [(1.0, math.nan, math.nan), (1.0, 1.0, 1.0), (1.0, -math.inf, 2.0)])
def test_without_an_error_nothing_is_said(interval):
    told = interval_power(*interval, 0.5, 6)

    assert math.isnan(told.difference)
    assert told.to_dict()["difference"] is None
    assert told.text == told.why != ""
