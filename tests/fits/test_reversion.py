"""The law of the signed root near a unit root, against published quantiles."""

import numpy as np
import pytest
from scipy.special import ndtri

from sdesim.fits.reversion import MANY, reversion_cutoff


def cutoff(rate, side, level=0.95, name="rate"):
    return reversion_cutoff(name, rate, np.array([100.0]), np.array([0.0]), np.array([1000]), side, level)


def test_at_a_unit_root_it_is_dickey_and_fullers():
    # Fuller (1976), table 8.5.2, τ_μ for n = ∞: quantiles −3.12 of 2.5%, 0.23 of 97.5%. Of 4999 draws the
    # standard error of a 2.5% quantile is 0.03 and 0.05.
    assert cutoff(1e-9, -1) == pytest.approx(3.12, abs=0.25)
    assert cutoff(1e-9, 1) == pytest.approx(0.23, abs=0.4)


def test_with_many_returns_it_is_the_normal_laws():
    assert cutoff(2.0, -1) == pytest.approx(ndtri(0.975), abs=0.35)
    assert cutoff(2.0, 1) == pytest.approx(ndtri(0.975), abs=0.35)
    assert cutoff(1.01 * MANY / 100.0, 1) is None


def test_that_of_a_mean_is_wide_where_there_are_few_returns():
    assert cutoff(0.03, 1, name="mean") > 2.2
    assert cutoff(2.0, 1, name="mean") == pytest.approx(ndtri(0.975), abs=0.3)


def test_series_of_different_lengths_are_taken_together():
    found = reversion_cutoff("rate", 0.5, np.array([20.0, 10.0]), np.zeros(2), np.array([200, 100]), -1, 0.95)

    assert 1.9 < found < 3.2
