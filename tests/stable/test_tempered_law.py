"""Tempered stable laws."""

import math

import numpy as np
import pytest

from sdesim import stable
from sdesim.errors import SdesimError


def test_at_a_half_and_one_sided_it_is_the_inverse_gaussian_law():
    # Lévy's law of scale 1 tempered by e^{−λx}: density ∝ x^{−3/2} e^{−1/(2x) − λx}.
    x, rate = np.array([0.1, 0.5, 2.0, 9.0]), 0.7
    law = stable.tempered(0.5, 1.0, rate)
    exact = np.exp(-0.5 / x - rate * x + math.sqrt(2 * rate)) / np.sqrt(2 * np.pi * x**3)

    np.testing.assert_allclose(law.pdf(x), exact, rtol=1e-11)
    np.testing.assert_allclose(law.logpdf(x), np.log(exact), atol=1e-11)
    assert law.mean() == pytest.approx(1 / math.sqrt(2 * rate), rel=1e-12)
    assert law.var() == pytest.approx((2 * rate) ** -1.5, rel=1e-12)
    assert law.support() == (0.0, math.inf)


def test_density_tails_and_moments_are_of_one_law():
    law = stable.tempered(1.0, 0.4, 1.0, loc=0.5, scale=2.0)
    # Panels, since there are many points; the trapezoidal rule in x = 2 sinh t.
    t = np.arange(-5.0, 5.0, 0.01)
    x = law.median() + 2.0 * np.sinh(t)
    mass = law.pdf(x) * 2.0 * np.cosh(t) * 0.01

    assert mass.sum() == pytest.approx(1.0, abs=1e-9)
    assert mass @ x == pytest.approx(law.mean(), abs=1e-8)
    assert mass @ (x - law.mean()) ** 2 == pytest.approx(law.var(), rel=1e-8)
    np.testing.assert_allclose(law.cdf(x[::100]) + law.sf(x[::100]), 1.0, rtol=1e-12)
    np.testing.assert_allclose(np.cumsum(mass)[::200] - 0.5 * mass[::200], law.cdf(x[::200]), atol=1e-5)


def test_quantiles_are_those_of_both_tails():
    law = stable.tempered(1.5, 0.4, 1.0, loc=0.5, scale=2.0)
    q = np.array([1e-12, 0.3, 0.9])

    np.testing.assert_allclose(law.cdf(law.ppf(q)), q, rtol=1e-11)
    np.testing.assert_allclose(law.sf(law.isf(q)), q, rtol=1e-11)
    assert law.cdf([-np.inf, np.inf]).tolist() == [0.0, 1.0]
    assert law.ppf([0.0, 1.0]).tolist() == [-np.inf, np.inf]
    assert np.isnan(law.ppf(2.0))


def test_a_weak_tempering_leaves_the_stable_law():
    x = np.array([-2.0, 0.3, 3.0])

    # The density moves by λ^α and less.
    np.testing.assert_allclose(stable.tempered(1.0, 0.5, 1e-6).pdf(x), stable.pdf(x, 1.0, 0.5), rtol=3e-5)


def test_draws_follow_it():
    law = stable.tempered(1.5, 0.4, 1.0, loc=0.5, scale=2.0)
    x = law.rvs(2000, seed=3)

    assert np.array_equal(law.rvs(100, seed=3), x[:100])
    gap = np.abs(law.cdf(np.sort(x)) - (np.arange(2000) + 0.5) / 2000).max()
    # Passed in 1e-6 of samples.
    assert gap * math.sqrt(2000) < 2.7


def test_what_is_no_law_is_told_in_one_line():
    with pytest.raises(SdesimError, match=r"alpha must be in \(0, 2\), got 2"):
        stable.tempered(2.0)
    with pytest.raises(SdesimError, match=r"beta must be in \[-1, 1\], got 3"):
        stable.tempered(1.5, 3.0)
    with pytest.raises(SdesimError, match="tempering"):
        stable.tempered(1.5, tempering=-1.0)
