"""Stable laws kept to an interval."""

import math

import numpy as np
import pytest

from sdesim import stable
from sdesim.errors import SdesimError


def test_cauchys_law_kept_to_an_interval_has_its_closed_form():
    law = stable.truncated(1.0, low=-1.0, high=2.0)
    x = np.array([-2.0, -0.5, 1.0, 3.0])
    mass = math.atan(2.0) + math.atan(1.0)

    np.testing.assert_allclose(law.pdf(x), [0, 1 / (1.25 * mass), 0.5 / mass, 0], rtol=1e-12)
    below = (np.arctan(np.clip(x, -1, 2)) + math.atan(1.0)) / mass
    np.testing.assert_allclose(law.cdf(x), below, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(law.sf(x), 1 - below, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(law.ppf(below[1:3]), x[1:3], rtol=1e-12)
    np.testing.assert_allclose(law.isf(1 - below[1:3]), x[1:3], rtol=1e-12)
    mean = 0.5 * math.log(5.0 / 2.0) / mass
    assert law.mean() == pytest.approx(mean, rel=1e-10)
    assert law.var() == pytest.approx(3.0 / mass - 1.0 - mean**2, rel=1e-10)
    assert law.std() == pytest.approx(math.sqrt(law.var()))
    assert law.cdf(law.median()) == pytest.approx(0.5, rel=1e-12)
    assert np.isnan(law.ppf(1.5))
    assert np.isnan(law.pdf(np.nan))


def test_far_in_a_tail_nothing_cancels():
    for sign in (1, -1):
        law = stable.truncated(1.2, sign * 0.3, *sorted((sign * 1e12, sign * 1e13)))
        # Pareto's law there, to a relative 1e-14.
        share = (1 - 2**-1.2) / (1 - 10**-1.2)
        inner = law.cdf(2e12) if sign > 0 else law.sf(-2e12)
        assert inner == pytest.approx(share, rel=1e-9)


def test_draws_follow_it_and_begin_alike():
    for law in (stable.truncated(1.5, 0.5, -1.0, 4.0), stable.truncated(1.5, 0.5, 5.0, 6.0)):
        x = law.rvs(2000, seed=3)

        assert np.array_equal(law.rvs(100, seed=3), x[:100])
        # Kolmogorov's distance times √n passes 2.7 in 1e-6 of samples.
        gap = np.abs(law.cdf(np.sort(x)) - (np.arange(2000) + 0.5) / 2000).max()
        assert gap * math.sqrt(2000) < 2.7


def test_a_support_that_ends_is_kept():
    assert stable.truncated(0.5, 1.0, -5.0, 3.0).support() == (0.0, 3.0)
    with pytest.raises(SdesimError, match=r"low, high: found \[-5, -1\], allowed: an interval with mass"):
        stable.truncated(0.5, 1.0, -5.0, -1.0)
    with pytest.raises(SdesimError, match="low must be below high, got 1 and 0"):
        stable.truncated(1.5, low=1.0, high=0.0)
