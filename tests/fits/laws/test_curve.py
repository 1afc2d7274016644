"""Laws through values with intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sdesim.errors import EstimatorError
from sdesim.fits.laws import fit_law
from sdesim.kinds import kinds_of

X = np.array([1.0, 2, 4, 8, 16])


def test_the_interval_of_an_exponent_covers_it_as_often_as_it_says():
    rng = np.random.default_rng(0)
    s, hits, rejected = 0.1, 0, 0
    for _ in range(2000):
        y = 2 * X**-1.5 * np.exp(s * rng.standard_normal(5))
        fit = fit_law("power-law", X, y, y * np.exp(-1.96 * s), y * np.exp(1.96 * s))
        hits += fit.slope.low <= -1.5 <= fit.slope.high and fit.prefactor.low <= 2 <= fit.prefactor.high
        rejected += fit.p_value < 0.05

    # Student's factor on a known s makes both conservative: 1,900 or more, less 4.8 s.e. of 9.7.
    assert hits >= 1853
    # χ² is exact: 100 of 2,000, 5 s.e. of 9.7.
    assert abs(rejected - 100) < 49


@pytest.mark.parametrize("law", ["power-law", "arrhenius", "exponential"])
def test_a_law_is_found_exactly_where_it_holds(law):
    kind = kinds_of("laws")[law]()
    y = 3 * np.exp(-0.4 * kind.abscissa(X))

    fit = fit_law(law, X, y, 0.9 * y, 1.1 * y)

    assert fit.slope.value == pytest.approx(-0.4)
    assert fit.prefactor.value == pytest.approx(3.0)
    assert fit.r2 == pytest.approx(1.0)
    assert fit.chi2 == pytest.approx(0.0, abs=1e-20)
    assert fit(X) == pytest.approx(y)
    assert "{}" in kind.words("x")
    assert "k" in kind.formula("x")
    assert [b.value for b in fit.local] == pytest.approx([-0.4] * 4)
    told = fit.to_dict()
    assert told["local"][0] == {
        "start": 1, "end": 2, "value": fit.local[0].value, "low": fit.local[0].low, "high": fit.local[0].high,
    }  # fmt: skip
    assert (told["law"], told["parameter"], told["left_out"]) == (law, kind.parameter, 0)


def test_points_without_a_closed_interval_do_not_enter_the_fit():
    y = np.array([1.0, 2, 4, 8, 3])
    high = np.array([*(1.1 * y[:4]), math.inf])

    fit = fit_law("power-law", X, y, 0.9 * y, high)

    assert (fit.slope.n, fit.left_out) == (4, 1)
    assert fit.slope.value == pytest.approx(1.0)
    assert fit.slope.flags == ("points_left_out",)


def test_two_points_are_no_law_and_it_is_said_why():
    y = np.array([1.0, 2.0, -1.0])

    fit = fit_law("arrhenius", X[:3], y, 0.9 * y, 1.1 * y)

    assert math.isnan(fit.slope.value)
    assert fit.slope.has("too_few")
    assert fit.why == "2 of 3 points are above 0 with a closed interval, 3 are needed"


def test_what_makes_a_fit_doubtful_is_flagged():
    scattered = np.array([1.0, 9, 2, 30, 1])
    flat = np.array([1.0, 1.1, 0.9, 1.05, 1.0])

    assert fit_law("power-law", X, scattered, 0.95 * scattered, 1.05 * scattered).slope.has("scatter")
    told = fit_law("power-law", X[:3], flat[:3], 0.8 * flat[:3], 1.2 * flat[:3]).slope.flags
    assert told == ("few_points", "narrow_range", "slope_open")


def test_an_exponential_takes_axes_through_zero_and_a_power_law_leaves_them_out():
    x = np.array([-1.0, 0.0, 1.0, 2.0])
    y = np.exp(x)

    assert fit_law("exponential", x, y, 0.9 * y, 1.1 * y).slope.value == pytest.approx(1.0)
    assert fit_law("power-law", x, y, 0.9 * y, 1.1 * y).why.startswith("2 of 4 points")


def test_bad_input_is_told_in_one_line():
    with pytest.raises(EstimatorError, match=r"value: found shapes \(5,\), \(4,\)"):
        fit_law("power-law", X, X[:4], X, X)
    with pytest.raises(EstimatorError, match="level must be between 0 and 1, got 2"):
        fit_law("power-law", X, X, 0.9 * X, 1.1 * X, level=2)


def test_local_slopes_cover_theirs_as_often_as_they_say_where_a_law_bends():
    rng = np.random.default_rng(1)
    s, true, hits = 0.1, 2 * X**-1.5 * (1 + 1 / X), 0
    slopes = np.diff(np.log(true)) / np.diff(np.log(X))
    for _ in range(500):
        y = true * np.exp(s * rng.standard_normal(5))
        back = np.argsort(-X)
        fit = fit_law(
            "power-law", X[back], y[back], (y * np.exp(-1.96 * s))[back], (y * np.exp(1.96 * s))[back]
        )
        hits += sum(b.low <= k <= b.high for b, k in zip(fit.local, slopes, strict=True))
        assert [b.start for b in fit.local] == [1, 2, 4, 8]

    # 95% of 2,000; neighbours share a point, so that five times √2 × 9.7 is granted.
    assert abs(hits - 1900) < 69
