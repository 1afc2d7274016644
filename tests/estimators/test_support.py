"""No interval leaves the support of its quantity, and the interval of a mean is what its formula says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import t

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate
from sdesim.estimators.core.support import mean_estimate, mean_interval, median_interval, within
from sdesim.runs.quantities import quantities, support_of
from sdesim.support import CORRELATION, DEBIASED, POSITIVE, SHARE, TAILS, Support

SUPPORTS = {row.name: row.within for row in quantities()}


@st.composite
def measured(draw):
    """Values of a quantity of the table, within its support or, where it is debiased, around it."""
    support = SUPPORTS[draw(st.sampled_from(sorted(SUPPORTS)))]
    reach = (-1e12, 1e12) if support.debiased else (max(support.low, -1e12), min(support.high, 1e12))
    ends = st.sampled_from([x for x in (support.low, support.high) if np.isfinite(x)] or [0.0])
    values = st.floats(*reach, allow_nan=False) | ends
    return support, draw(arrays(np.float64, st.integers(1, 12), elements=values))


@given(measured(), st.floats(0.5, 0.999))
def test_no_interval_of_a_mean_leaves_its_support(case, level):
    support, values = case

    mean, low, high = mean_interval(values, support, level)

    if len(values) == 1:
        assert np.isnan(low)
        return
    assert support.low <= low <= high <= support.high
    assert support.debiased or low <= mean <= high


@given(st.sampled_from(list(SUPPORTS.values())), st.floats(-1e6, 1e6), st.floats(0, 1e300), st.floats(0, 1))
def test_no_interval_of_a_single_estimate_leaves_it(support, value, half, place):
    if not support.debiased:
        span = [np.clip(x, -1e6, 1e6) for x in (support.low, support.high)]
        value = span[0] + place * (span[1] - span[0])

    low, high = support.interval(value, half)

    assert support.low <= low <= high <= support.high


VALUES = np.array([0.2, 0.3, 0.7])


@pytest.mark.parametrize(
    ("support", "scale"),
    [
        (Support(), lambda x: x),
        (POSITIVE, np.log),
        (SHARE, lambda x: np.log(x / (1 - x))),
        (CORRELATION, np.arctanh),
        (Support(high=1.0), lambda x: -np.log(1 - x)),
    ],
)
def test_the_interval_is_student_s_on_the_scale_of_its_support(support, scale):
    mean, low, high = mean_interval(VALUES, support, 0.9)

    m, step = VALUES.mean(), 1e-6
    slope = (scale(m + step) - scale(m - step)) / (2 * step)
    half = t.ppf(0.95, 2) * slope * VALUES.std(ddof=1) / np.sqrt(3)
    assert mean == pytest.approx(m)
    np.testing.assert_allclose([scale(low), scale(high)], [scale(m) - half, scale(m) + half], rtol=1e-6)


@pytest.mark.parametrize("values", [[1.9996, 2.0010], [2.0003]])
def test_a_mean_above_a_support_is_its_end(values):
    mean, _, high = mean_interval(values, TAILS)

    assert mean == 2.0
    assert not high > 2.0


def test_a_debiased_value_may_lie_outside_but_no_end_of_its_interval_does():
    mean, low, high = mean_interval([-0.3, -0.1, 0.1], DEBIASED)

    half = t.ppf(0.975, 2) * 0.2 / np.sqrt(3)
    assert (mean, low, high) == pytest.approx((-0.1, 0.0, -0.1 + half))


def test_values_beyond_the_support_show_that_it_is_none():
    values = [-1.0, 2.0, 3.0]

    np.testing.assert_array_equal(mean_interval(values, POSITIVE), mean_interval(values))


def test_values_that_all_sit_on_an_end_have_the_interval_of_that_point():
    assert [float(x) for x in mean_interval([1.0, 1.0, 1.0], SHARE)] == [1.0, 1.0, 1.0]


def test_means_over_several_places_are_those_of_each():
    x = np.random.default_rng(0).random((5, 3, 2))

    whole = mean_interval(x, SHARE)

    for place in np.ndindex(3, 2):
        np.testing.assert_allclose([w[place] for w in whole], mean_interval(x[:, *place], SHARE), rtol=1e-12)


def test_an_estimate_of_a_mean_says_so_and_one_value_has_no_interval():
    found, single = mean_estimate([1.0, 3.0], POSITIVE), mean_estimate([2.0])

    assert (found.value, found.n, found.flags) == (2.0, 2, ())
    assert single.has("no_interval")


def test_ends_are_cut_off_and_nothing_else_changes():
    e = Estimate(-0.1, -0.3, 0.2, 0.95, "debiased", 20, ("negative_signal",))

    cut = within(e, DEBIASED)

    assert (cut.value, cut.low, cut.high, cut.flags) == (-0.1, 0.0, 0.2, e.flags)


def test_a_literal_form_is_held_within_the_support_and_not_cut():
    assert support_of("tail_index").transform == "plain"
    assert support_of("tail_index_literal") == Support(0.0, 2.0)
    assert support_of("phase_fraction.transition") == SHARE
    assert support_of("C_group.layer").debiased
    assert support_of("nobody") == Support()


@pytest.mark.parametrize(("values", "level"), [([], 0.95), (1.0, 0.95), ([1.0], 1.0)])
def test_no_values_or_a_bad_level_are_refused(values, level):
    with pytest.raises(EstimatorError):
        mean_interval(values, level=level)


def test_the_interval_of_a_median_is_of_order_statistics_and_holds_without_a_mean():
    # P(fewer than 2 of 10 below the median) = 11/1024 = 1.1%, fewer than 3: 5.5%: the 2nd and the 9th.
    assert median_interval(np.arange(10.0)[::-1]) == (4.5, 1.0, 8.0)
    assert np.isnan(median_interval(np.arange(5.0))[1])
    _, low, high = median_interval(np.random.default_rng(0).standard_cauchy((50, 4000)))
    # 96.7% by the binomial law; 4,000 samples show it to 0.3%.
    assert abs(np.mean((low < 0) & (high > 0)) - 0.967) < 0.015
