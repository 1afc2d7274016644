"""Times that were cut short: what they tell, and what they don't."""

import math

import numpy as np
import pytest

from sdesim import estimators as est
from sdesim.errors import EstimatorError
from sdesim.estimators.core.binomial import wilson

RNG = np.random.default_rng(20)
# Leukaemia patients under 6-mercaptopurine: weeks in remission, + where it lasted (Freireich et al. 1963).
WEEKS = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"
REMISSION = np.array([float(w.rstrip("+")) for w in WEEKS.split()])
RELAPSED = np.array([not w.endswith("+") for w in WEEKS.split()])


def cut(times, end):
    """Times watched until ``end``, and whether they had ended."""
    return np.minimum(times, end), times <= end


def test_the_survival_of_a_textbook_sample_is_the_published_one():
    found = est.survival_statistics(REMISSION, RELAPSED)

    # S at 6, 7, 10, 13, 16, 22, 23 weeks: Kalbfleisch & Prentice, table 1.2; Greenwood's errors beside it.
    share = [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    np.testing.assert_allclose(found.survival.at([6, 7, 10, 13, 16, 22, 23]), share, atol=6e-4)
    error = 0.0764
    # The log–log band of S = 0.857 with that error.
    width = 1.959964 * error / (0.857143 * math.log(0.857143))
    at = int(np.flatnonzero(found.survival.times == 6)[0])
    assert found.survival.low[at] == pytest.approx(0.857143 ** math.exp(-width), abs=1e-3)
    assert found.survival.high[at] == pytest.approx(0.857143 ** math.exp(width), abs=1e-3)
    assert found.median.value == 23
    assert found.median.low == 13
    assert found.rate.value == pytest.approx(9 / 359)
    # Garwood's limits of a count of 9.
    assert found.rate.low * 359 == pytest.approx(4.115, abs=1e-3)
    assert found.rate.high * 359 == pytest.approx(17.085, abs=1e-3)


def test_without_any_cut_short_the_mean_and_median_are_the_plain_ones():
    times = RNG.gamma(3.0, size=101)
    found = est.survival_statistics(times, np.ones(101, dtype=bool))

    assert found.mean.value == pytest.approx(times.mean())
    assert found.median.value == pytest.approx(np.median(times))
    assert found.mean.flags == found.median.flags == ()
    assert found.survival.share[-1] == 0.0
    even = est.survival_statistics([1.0, 2.0, 4.0, 8.0], np.ones(4, dtype=bool))
    assert even.median.value == 3.0


def test_the_mean_of_a_constant_hazard_is_right_where_the_plain_mean_is_far_off():
    times, ended = cut(RNG.exponential(133.0, size=4000), 50.0)
    found = est.survival_statistics(times, ended)

    assert times.mean() < 45
    # The relative error of 1/rate is 1/√ends: 1,250 ends, five of them.
    assert abs(found.mean.value / 133 - 1) < 5 / math.sqrt(ended.sum())
    assert found.mean.flags == ("censored", "constant_hazard")
    assert found.mean.details["restricted_mean"] == pytest.approx(133 * (1 - math.exp(-50 / 133)), rel=0.02)
    assert found.median.has("median_not_reached")
    assert math.isnan(found.median.value)
    assert found.median.low == 50.0
    assert found.median.high == math.inf


@pytest.mark.parametrize("shape", [0.4, 3.0])
def test_a_hazard_that_changes_leaves_no_mean(shape):
    times, ended = cut(RNG.weibull(shape, size=1000), 1.0)
    found = est.survival_statistics(times, ended)

    assert math.isnan(found.mean.value)
    assert found.mean.flags == ("censored", "hazard_not_constant", "no_value")
    assert found.rate.has("hazard_not_constant")
    true = math.gamma(1 + 1 / shape)
    assert found.mean.low < true
    assert found.mean.high == math.inf


def test_few_ends_or_none_leave_no_mean_and_say_so():
    few = est.survival_statistics(*cut(np.arange(1.0, 41.0), 5.0))
    none = est.survival_statistics(np.full(20, 3.0), np.zeros(20, dtype=bool))

    assert few.mean.flags == ("censored", "too_few_ends", "no_value")
    assert math.isnan(none.mean.value)
    assert none.rate.value == none.rate.low == 0.0
    # No end among 20: 1 − S is below 1 − 0.025^{1/20}, and the rate below 3.69/60.
    assert none.survival.low[0] == pytest.approx(0.025 ** (1 / 20))
    assert none.rate.high == pytest.approx(3.689 / 60, rel=1e-3)
    assert list(none.survival.times) == [0.0, 3.0]


def test_intervals_cover_and_a_constant_hazard_is_seldom_doubted():
    runs, n, end = 400, 80, 1.2
    covered, doubted = np.zeros(4), 0
    for _ in range(runs):
        found = est.survival_statistics(*cut(RNG.exponential(1.0, size=n), end))
        true = math.exp(-0.5)
        at = np.searchsorted(found.survival.times, 0.5, side="right") - 1
        covered += [
            found.rate.low <= 1.0 <= found.rate.high,
            found.median.low <= math.log(2) <= found.median.high,
            found.survival.low[at] <= true <= found.survival.high[at],
            not found.mean.has("constant_hazard") or found.mean.low <= 1.0 <= found.mean.high,
        ]
        doubted += found.mean.has("hazard_not_constant")

    # At 95% four standard errors of a share of 400 are 4.4%; the doubt's level is 1%: 3% is 4 above.
    assert (covered / runs > 0.95 - 0.044).all(), covered / runs
    assert doubted <= 0.03 * runs


def test_ends_at_the_start_are_counted():
    found = est.survival_statistics([0.0, 0.0, 1.0, 2.0], [True, True, False, False])

    assert list(found.survival.times) == [0.0, 2.0]
    assert list(found.survival.share) == [0.5, 0.5]
    assert found.rate.value == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("times", "ended"), [([], []), ([1.0], [True, False]), ([-1.0], [True]), ([math.nan], [False])]
)
def test_times_that_are_none_are_refused(times, ended):
    with pytest.raises(EstimatorError, match="times"):
        est.survival_statistics(times, np.array(ended, dtype=bool))


def test_wilsons_band_is_that_of_a_share_of_all_and_of_fewer_where_some_were_cut_short():
    times = np.array([1.0, 2.0, 3.0, 4.0])
    plain = est.survival_statistics(times, np.ones(4, dtype=bool), band="wilson").survival
    cut_short = est.survival_statistics(times, np.array([True, False, True, False]), band="wilson").survival

    low, high = wilson(np.array([1.0, 0.75, 0.5, 0.25, 0.0]), 4)
    np.testing.assert_allclose(plain.low, low, rtol=1e-12)
    np.testing.assert_allclose(plain.high, high, rtol=1e-12)
    # S = 3/4 · 1/2, Greenwood's sum 1/(4·3) + 1/(2·1): (1 − S)/(S s²) = 2.857 trials.
    assert cut_short.low[-1] == pytest.approx(wilson(0.375, 2.857142857)[0])
    assert plain.low[0] > 0 == plain.low[-1]
    with pytest.raises(EstimatorError, match="band must be"):
        est.survival_statistics(times, np.ones(4, dtype=bool), band="wald")


def test_times_that_are_all_the_same_say_that_they_have_no_spread():
    same = est.survival_statistics(np.full(20, 2.0), np.ones(20, dtype=bool))
    at_once = est.survival_statistics(np.zeros(20), np.ones(20, dtype=bool))

    assert same.mean.flags == at_once.mean.flags == ("no_spread",)
    assert (at_once.mean.value, at_once.mean.low, at_once.mean.high) == (0.0, 0.0, 0.0)
    assert at_once.rate.flags == ("hazard_not_constant", "no_value", "no_interval")
