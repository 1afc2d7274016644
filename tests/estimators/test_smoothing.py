"""Smoothed series: what they keep, bridge, refuse and flag, and signs and sign changes read off them."""

import numpy as np
import pytest

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate
from sdesim.estimators import (
    change_points,
    smooth,
    smoothed_difference,
    smoothed_phase,
    smoothed_ratio,
)

TIMES = np.cumsum(np.random.default_rng(5).exponential(1, 40) + 0.1)


def drifting(seed=0, error=1.0):
    truth = 6 - 0.4 * TIMES
    return truth, truth + error * np.random.default_rng(seed).standard_normal(len(TIMES))


def series(value, low, high, **flags):
    value = np.asarray(value, float)
    return Estimate(value, np.asarray(low, float), np.asarray(high, float), 0.95, "local-trend", 9, flags)


def test_a_line_is_read_far_more_sharply_than_by_its_readings_and_covered():
    truth, readings = drifting()

    found = smooth(readings, 1.0, TIMES)

    # A straight line through 40 readings has a mean standard deviation of √(2/40) = 0.22 errors.
    assert 0.2 < (found.high - found.low).mean() / (2 * 1.96) < 0.5
    # At least 30 of 40 places: a line off by two deviations of both its numbers still covers so many.
    assert ((found.low <= truth) & (truth <= found.high)).sum() >= 30
    assert (found.details["error"] > 0).all()
    assert not any(mask.any() for mask in found.flags.values())


def test_shift_scale_and_units_of_time_change_nothing_but_the_units():
    _, readings = drifting()

    plain, moved = smooth(readings, 1.0, TIMES), smooth(1e-3 * readings + 7, 1e-3, 50 * TIMES - 3)

    for name in ("value", "low", "high"):
        np.testing.assert_allclose(getattr(moved, name), 1e-3 * getattr(plain, name) + 7, rtol=1e-9)


def test_a_series_is_smoothed_alike_alone_and_among_others_to_the_bit():
    values = np.stack([drifting(k, 1.0 + k)[1] for k in range(5)]).reshape(5, 1, 40)
    errors = np.linspace(0.5, 2, 40) * np.ones((5, 1, 40))

    together = smooth(values, errors, TIMES)

    assert together.shape == (5, 1, 40)
    for k in range(5):
        assert smooth(values[k, 0], errors[k, 0], TIMES) == together[k, 0]


def test_exact_readings_are_their_own_level_among_others_and_alone():
    truth, readings = drifting()
    errors = np.where(np.arange(40) % 7 == 3, 0.0, 1.0)
    readings = np.where(errors == 0, truth, readings)

    mixed, alone = smooth(readings, errors, TIMES), smooth(readings[:3], 0.0, TIMES[:3])

    exact = errors == 0
    for found, kept in ((mixed, exact), (alone, np.ones(3, bool))):
        for x in (found.value, found.low, found.high):
            np.testing.assert_array_equal(x[kept], readings[: len(kept)][kept])
        assert (found.details["error"][kept] == 0).all()
    # What is known exactly next door narrows the places between.
    wide = smooth(readings, 1.0, TIMES)
    assert ((mixed.high - mixed.low) < (wide.high - wide.low))[~exact].mean() > 0.9


def test_missing_readings_are_bridged_and_nothing_is_said_outside():
    _, readings = drifting()
    readings[[0, 1, 10, 11, 12, 39]] = np.nan

    found = smooth(readings, 1.0, TIMES)

    assert np.isnan(found.value[[0, 1, 39]]).all()
    assert found.flags["outside_readings"].nonzero()[0].tolist() == [0, 1, 39]
    assert found.flags["no_reading"].nonzero()[0].tolist() == [10, 11, 12]
    assert np.isfinite(found.low[10:13]).all()
    assert found.n[0] == 34
    assert (found.high - found.low)[11] > (found.high - found.low)[9]


def test_a_reading_without_an_error_counts_as_none():
    _, readings = drifting()
    errors = np.where(np.arange(40) == 20, np.nan, 1.0)
    absent = np.where(np.arange(40) == 20, np.nan, readings)

    assert smooth(readings, errors, TIMES) == smooth(absent, 1.0, TIMES)


def test_too_few_readings_are_told_and_not_smoothed():
    found = smooth([1.0, 2.0, np.nan, 3.0, 4.0, 5.0], [1, 1, 1, 0, 1, 1], np.arange(6.0))

    assert found.flags["too_few_readings"].tolist() == [True, True, True, False, True, True]
    assert np.isnan(np.delete(found.value, 3)).all()
    assert found.value[3] == 3.0
    nothing = smooth(np.full(4, np.nan), 1.0, np.arange(4.0))
    assert nothing.flags["outside_readings"].all()
    assert smooth([2.0], 1.0, [0.0]).flags["too_few_readings"].all()


def test_small_errors_are_followed_and_an_outlier_is_flagged():
    followed = smooth(1e6 * np.sin(TIMES), 1.0, TIMES)
    np.testing.assert_allclose(followed.value, 1e6 * np.sin(TIMES), atol=1.0)

    _, readings = drifting()
    readings[15] += 15
    flagged = smooth(readings, 1.0, TIMES).flags["outlier"]

    assert flagged.nonzero()[0].tolist() == [15]


def test_gaps_in_time_scale_the_walk_and_equal_times_do_no_harm():
    _, readings = drifting()
    late = TIMES + 100.0 * (np.arange(40) >= 20)
    readings[19:21] = np.nan

    apart = smooth(readings + 5 * np.sin(3 * TIMES), 1.0, late)
    same = smooth(readings, 1.0, np.zeros(40))

    assert np.isfinite(apart.value).all()
    assert np.isfinite(same.value).all()
    assert (apart.high - apart.low)[20] > (apart.high - apart.low)[10]


def test_errors_that_fall_with_their_readings_do_not_pull_the_level_down():
    # Readings of a constant 1 with error 0.3 whose own error estimate is 0.3 times the reading. Weighted by
    # the inverse squares of these their mean is 0.78; its own deviation, over 20 series of 40, is 0.01.
    rng = np.random.default_rng(3)
    readings = np.maximum(1 + 0.3 * rng.standard_normal((20, 40)), 0.2)
    weights = readings**-2.0
    assert (weights * readings).sum() / weights.sum() < 0.85

    found = smooth(readings, 0.3 * readings, TIMES)

    assert abs(found.value.mean() - 1) < 0.05


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": 1.0}, "values must be"),
        ({"errors": np.ones(3)}, "errors must have"),
        ({"errors": -1.0}, "negative"),
        ({"times": -np.arange(8.0)}, "ascending"),
        ({"level": 1.0}, "level"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    given = {"values": np.zeros(8), "errors": 1.0, "times": np.arange(8.0), **change}

    with pytest.raises(EstimatorError, match=message):
        smooth(**given)


def test_a_ratio_is_that_of_its_parts_where_the_denominator_is_exact():
    _, readings = drifting()
    below = np.exp(-TIMES / 3)

    found, plain = smoothed_ratio(readings * below, below, below, 0.0, TIMES), smooth(readings, 1.0, TIMES)

    for name in ("value", "low", "high"):
        np.testing.assert_allclose(getattr(found, name), getattr(plain, name), rtol=1e-9)


def test_the_error_of_the_denominator_enters_by_fiellers_interval():
    # An exact numerator 2 y and a denominator y = e^(−t) with a relative error of 0.2.
    below = np.exp(-TIMES)
    noisy = below * np.exp(0.2 * np.random.default_rng(1).standard_normal(40) - 0.02)

    found = smoothed_ratio(2 * below, 0.0, noisy, 0.2 * noisy, TIMES)

    assert ((found.low < 2) & (found.high > 2)).mean() > 0.75
    # Of 40 readings on a line: 0.2 · √(2/40) · 1.96 · 2 = 0.18 each side of 2 on average.
    assert 0.2 < (found.high - found.low).mean() < 0.6
    assert not found.flags["denominator_not_separated"].any()


def test_a_ratio_over_what_may_be_anything_or_is_not_positive_has_no_value():
    below = np.where(np.arange(10) == 4, -1.0, 1.0)
    found = smoothed_ratio(np.ones(10), 0.1, below, 0.1, np.arange(10.0))
    assert found.flags["no_reading"].tolist() == [k == 4 for k in range(10)]
    assert np.isfinite(found.low).all()

    wild = smoothed_ratio(np.ones(10), 0.1, 1.0, 9.0, np.arange(10.0))
    assert wild.flags["denominator_not_separated"].all()
    assert np.isnan(wild.value).all()
    with pytest.raises(EstimatorError, match="one shape"):
        smoothed_ratio(np.ones(10), 0.1, np.ones(3), 0.1, np.arange(10.0))


def test_the_phase_is_the_sign_of_the_statistic_or_undefined_with_its_reason():
    nan = np.nan
    statistic = series([1, -1, 0.5, nan, nan, 1], [0.5, -2, -1, nan, nan, 0.5], [2, -0.5, 2, nan, nan, 2],
                       too_few_readings=np.array([0, 0, 0, 1, 0, 0], bool))  # fmt: skip

    words, reasons = smoothed_phase(statistic, {"rate_zero": np.array([0, 0, 0, 0, 0, 1], bool)})

    assert words.tolist() == ["generalization", "exploration", "transition", *["undefined"] * 3]
    assert reasons.tolist() == ["", "", "spans_zero", "too_few_readings", "no_value", "rate_zero"]


def test_change_points_lie_between_the_last_sure_place_of_one_sign_and_the_first_of_the_other():
    value = np.array([4.0, 2, 1, -1, -2, -4, np.nan, 1, 3])
    half = np.array([1.0, 1, 2, 2, 1, 1, np.nan, 2, 1])

    down, up = change_points(series(value, value - half, value + half), np.arange(9.0))

    assert (down.low, down.value, down.high) == (1.0, 2.5, 4.0)
    assert (up.low, up.value, up.high) == (5.0, 5 + 2 * 4 / 5, 8.0)
    assert [e.details["direction"] for e in (down, up)] == [-1.0, 1.0]
    assert change_points(series(value[:2], value[:2] - 1, value[:2] + 1), [0.0, 1.0]) == ()


def test_a_difference_of_smoothed_series_adds_its_half_widths_in_squares():
    found = smoothed_difference(series([5.0], [2.0], [6.0]), series([1.0], [0.0], [5.0]))

    assert (found.value[0], found.low[0], found.high[0]) == (4.0, -1.0, 4 + np.sqrt(2))
