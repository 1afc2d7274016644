"""Anderson and Darling's statistic and its law."""

import math

import numpy as np
import pytest

from sdesim.stable.fitting.fit import standard_law
from sdesim.stable.fitting.goodness import anderson_darling, exceedance, null_weights

ALL, PLACE_AND_SCALE = np.ones(4, dtype=bool), np.array([False, False, True, True])


def test_the_statistic_is_the_integral_that_it_stands_for():
    # One value at the middle: A² = −1 − 2 log ½.
    half = np.array([math.log(0.5)])

    assert anderson_darling(half, half) == pytest.approx(2 * math.log(2) - 1, rel=1e-15)


def test_exceedance_of_one_and_of_two_equal_weights():
    # χ²₁ beyond 1.96² and, with two, exp(−x/2w).
    assert exceedance(np.array([1.0]), 1.959963984540054**2) == pytest.approx(0.05, abs=2e-3)
    assert exceedance(np.array([0.5, 0.5]), 3.0) == pytest.approx(math.exp(-3.0), abs=5e-5)


def test_the_law_at_two_is_the_normal_ones():
    weights = null_weights(standard_law(), np.array([2.0, 0.0, 0.0, 0.0]), PLACE_AND_SCALE)

    # Points for both parameters fitted: R. D'Agostino, M. Stephens, Goodness-of-Fit Techniques (1986), table
    # 4.7, to their last digit.
    for point, p in ((0.631, 0.10), (0.752, 0.05), (0.873, 0.025), (1.035, 0.01)):
        assert exceedance(weights, point) == pytest.approx(p, rel=0.01)


def test_fitting_more_parameters_leaves_less():
    law, theta = standard_law(), np.array([1.5, 0.3, 0.0, 0.0])
    two, four = (null_weights(law, theta, free).sum() for free in (PLACE_AND_SCALE, ALL))

    # Its mean is 1 where nothing is fitted.
    assert 0.1 < four < two < 0.8
