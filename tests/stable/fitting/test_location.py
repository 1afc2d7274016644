"""S1 locations of fits in S0."""

import math

import numpy as np
import pytest

from sdesim import stable
from sdesim.stable.fitting.location import s1_interval, s1_location

THETA = np.array([1.5, 0.4, math.log(2.0), 3.0])


@pytest.mark.parametrize("alpha", [0.7, 1.0, 1.5, 2.0])
def test_both_locations_are_of_one_law(alpha):
    theta = np.array([alpha, 0.4, math.log(2.0), 3.0])
    x = np.array([-2.0, 1.0, 9.0])

    s1 = stable.logpdf(x, alpha, 0.4, float(s1_location(theta)), 2.0)

    np.testing.assert_allclose(s1, stable.logpdf(x, alpha, 0.4, 3.0, 2.0, "S0"), rtol=1e-11)


def test_slopes_are_derivatives_and_the_interval_follows_them_away_from_one():
    spread = np.diag([1e-4, 1e-3, 1e-4, 1e-4])
    slope, low, high = s1_interval(THETA, spread, (2.9, 3.1), 1.96)
    for k in range(4):
        up, down = THETA.copy(), THETA.copy()
        up[k] += 1e-6
        down[k] -= 1e-6
        assert slope[k] == pytest.approx(float(s1_location(up) - s1_location(down)) / 2e-6, rel=1e-6)

    assert high - low == pytest.approx(2 * 1.96 * math.sqrt(slope @ spread @ slope), rel=1e-12)


def test_next_to_one_the_interval_is_wide_and_holds_the_value():
    theta = np.array([1.001, 0.4, 0.0, 3.0])
    _, low, high = s1_interval(theta, np.diag([1e-4, 1e-3, 1e-4, 1e-4]), (2.9, 3.1), 1.96)

    assert low <= float(s1_location(theta)) <= high
    # δ₁ passes through its pole at one and a tenth of a standard error away.
    assert high - low > 500.0
