"""The noncentral F law."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betainc

from sdesim.estimators.core.noncentral import noncentral_f_cdf, successive_betainc


@pytest.mark.parametrize(("f", "d1", "d2", "ncp"), [(1.2, 3, 7, 0.0), (2.5, 10, 190, 20.0), (0.3, 1, 7, 2.0)])
def test_the_noncentral_f_law_matches_its_definition(f, d1, d2, ncp):
    rng, draws = np.random.default_rng(7), 200_000
    x = rng.chisquare(d1 - 1, draws) if d1 > 1 else np.zeros(draws)
    x = x + (rng.standard_normal(draws) + math.sqrt(ncp)) ** 2
    share = np.mean(x / d1 <= f * rng.chisquare(d2, draws) / d2)

    value = noncentral_f_cdf(f, d1, d2, ncp)

    assert abs(share - value) < 5 * 0.5 / math.sqrt(draws)


def test_the_noncentral_f_law_stays_exact_where_it_is_summed_on_a_grid():
    # With d₂ → ∞ and λ large, d₁F is normal with mean d₁ + λ and variance 2(d₁ + 2λ) up to O(λ^−½).
    d1, ncp = 100.0, 1e8
    f = (d1 + ncp + math.sqrt(2 * (d1 + 2 * ncp))) / d1

    assert noncentral_f_cdf(f, d1, 1e14, ncp) == pytest.approx(0.841345, abs=1e-4)


@settings(max_examples=200)
@given(
    logs=st.tuples(st.floats(0, 5), st.floats(0.31, 4), st.floats(-2, 2)),
    first=st.integers(0, 10_000),
    count=st.integers(2, 4000),
)
def test_shares_in_steps_of_one_are_those_of_the_incomplete_beta_function(logs, first, count):
    d1, n, f = (10.0**power for power in logs)
    a, b, x = 0.5 * d1 + first + np.arange(count), 0.5 * d1 * (n - 1), f / (f + n - 1)

    found = successive_betainc(a, b, x)

    # A share is a probability; scipy's own are right to about 1e-14.
    assert np.abs(found - betainc(a, b, x)).max() < 1e-13
    assert (np.diff(found) <= 0).all()
