"""Points further from loc than the largest float64 in scales."""

import math

import numpy as np
import pytest

from sdesim import stable


@pytest.mark.parametrize(("alpha", "beta"), [(0.5, 0.0), (0.5, 1.0), (1.0, 0.3), (1.7, -0.4)])
def test_tails_are_the_power_law_that_they_are_short_of_it(alpha, beta):
    # z = 1e310 beside z = 1e290: the next term of the series is 1e-145 of the first.
    for x in (1e10, -1e10):
        if x < 0.0 and beta == 1.0:
            continue
        tail = stable.logsf if x > 0.0 else stable.logcdf
        rest = stable.logcdf if x > 0.0 else stable.logsf
        near = tail(x, alpha, beta, scale=1e-280)
        assert tail(x, alpha, beta, scale=1e-300) == pytest.approx(near - alpha * np.log(1e20), rel=1e-14)
        assert rest(x, alpha, beta, scale=1e-300) == pytest.approx(-np.exp(near) * 1e20**-alpha, rel=1e-11)
        dense = [stable.logpdf(x, alpha, beta, scale=c) for c in (1e-280, 1e-300)]
        assert dense[1] == pytest.approx(dense[0] - alpha * np.log(1e20), rel=1e-14)


def test_a_difference_that_is_no_float64_and_points_that_stay_as_they_were():
    # x − loc = 2e308.
    twice = stable.logsf(1e308, 1.5, 0.2, 0.0, 0.5)
    assert stable.logsf(1e308, 1.5, 0.2, -1e308) == pytest.approx(twice, rel=1e-15)
    values = stable.sf([1e10, np.inf, -np.inf, np.nan, 1e10], [0.5, 0.5, 0.5, 0.5, 2.0], scale=1e-300)
    np.testing.assert_array_equal(values[1:], [0.0, 1.0, np.nan, 0.0])
    assert values[0] > 0.0
    assert np.isnan(stable.sf(1e10, 0.01, scale=1e-300))


def test_quantiles_of_which_the_distance_in_scales_is_no_float64_are_finite():
    # C |x|^−α of the tail beyond x, C = Γ(α) sin(πα/2)/π (1 ± β), is exact so far out; α = 0.1.
    weight = math.gamma(0.1) * math.sin(0.05 * math.pi) / math.pi
    logs = [(math.log(weight * w) + 40 * math.log(10)) / 0.1 - 200 * math.log(10) for w in (1.0, 1.3, 0.7)]

    right = stable.isf(1e-40, 0.1, scale=1e-200)
    skewed = stable.isf(np.full(5000, 1e-40), 0.1, 0.3, scale=1e-200)
    left = stable.ppf([1e-40, 0.5], 0.1, 0.3, loc=1.0, scale=1e-200)

    assert math.log(right) == pytest.approx(logs[0], abs=1e-11)
    np.testing.assert_allclose(np.log(skewed), logs[1], atol=1e-11)
    assert math.log(-left[0]) == pytest.approx(logs[2], abs=1e-11)
    assert left[1] == 1.0
    assert stable.isf(1e-40, 0.1) == stable.isf(0.0, 0.1, scale=1e-200) == math.inf
    # Of α below 0.06 no power law tells.
    assert math.isnan(stable.isf(1e-10, 0.01, scale=0.5))
