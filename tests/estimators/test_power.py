"""The distance from a bound that an interval states is told from it nine times in ten."""

import math

import numpy as np
import pytest
from scipy.stats import t

from sdesim.estimators.core.power import interval_power
from sdesim.estimators.core.support import mean_interval
from sdesim.support import DEBIASED, POSITIVE

# Five standard errors of 20,000 repeats at 0.9.
SLACK = 0.0106


@pytest.mark.parametrize("n", [3, 8, 40])
def test_the_difference_stated_is_seen_nine_times_in_ten(n):
    rng = np.random.default_rng(n)
    told = interval_power(0.5, 0.5 - t.ppf(0.975, n - 1), 0.5 + t.ppf(0.975, n - 1), 0.0, n)

    # That is of an estimated error of 1. Of values of s.d. 1 pilots say as many of their own errors.
    pilots = rng.standard_normal((n, 20_000)).std(axis=0, ddof=1) / math.sqrt(n)
    _, low, _ = mean_interval(told.difference * pilots + rng.standard_normal((n, 20_000)))

    assert abs((low > 0).mean() - 0.9) < SLACK


@pytest.mark.parametrize("n", [3, 8])
def test_the_sample_stated_settles_what_was_measured_nine_times_in_ten(n):
    rng = np.random.default_rng(n)
    told = interval_power(1.0, 1.0 - t.ppf(0.975, n - 1), 1.0 + t.ppf(0.975, n - 1), 0.0, n)

    # What the s.d. of a value can be where a mean of n has the estimated error 1.
    sd = math.sqrt(n) / np.sqrt(rng.chisquare(n - 1, 20_000) / (n - 1))
    settled = [
        (mean_interval(1.0 + sd * rng.standard_normal((size, 20_000)))[1] > 0).mean()
        for size in (told.needed, told.needed - 1)
    ]

    assert settled[0] > 0.9 - SLACK
    assert settled[1] < 0.9 + SLACK


def test_what_no_sample_settles_is_said_so():
    told = interval_power(1e-6, -1.0, 1.0, 0.0, 5)

    assert told.needed is None
    assert "10,000 samples don't settle the 1e-06 measured" in told.text


def test_an_end_cut_off_at_the_support_tells_nothing_of_the_error():
    free = interval_power(0.2, -0.2, 0.6, 0.1, 6)
    cut = interval_power(0.2, 0.0, 0.6, 0.1, 6, support=DEBIASED)

    assert (cut.difference, cut.needed) == pytest.approx((free.difference, free.needed))


# E P(T′_7(x √(χ²_7/7)) > t) = 0.9, by adaptive quadrature.
REACH = 4.5792


def test_below_a_bound_of_a_positive_quantity_it_is_seen_in_the_logarithm():
    told = interval_power(0.8, 0.8 * math.exp(-1.0), 0.8 * math.exp(1.0), 1.0, 8, support=POSITIVE)

    assert told.difference == pytest.approx(1 - math.exp(-REACH / t.ppf(0.975, 7)), rel=2e-3)


@pytest.mark.parametrize("interval", [(1.0, math.nan, math.nan), (1.0, 1.0, 1.0), (1.0, -math.inf, 2.0)])
def test_without_an_error_nothing_is_said(interval):
    told = interval_power(*interval, 0.5, 6)

    assert math.isnan(told.difference)
    assert told.to_dict()["difference"] is None
    assert told.text == told.why != ""
