"""A ratio as it is now, from readings of what may move."""

import numpy as np
import pytest
from scipy.stats import t as student

from sdesim.errors import EstimatorError
from sdesim.estimators.consolidation.window_ratio import fieller
from sdesim.estimators.dynamics import recent
from sdesim.estimators.dynamics.recent import Series, block_sizes, recent_ratio, recent_ratios


def test_of_what_is_told_not_to_move_it_is_the_ratio_of_averages_with_fieller_s_interval(monkeypatch):
    monkeypatch.setattr(recent, "_SHARES", (1.0, 0.0, 0.0))
    recent._walks.cache_clear()
    rng = np.random.default_rng(0)
    x, y = 1 + rng.standard_normal(12), 5 + rng.standard_normal(12)

    # A constant unit, so that blocks are weighed alike.
    with np.errstate(divide="ignore"):
        found = recent_ratio(x, y, unit=np.ones(12))
    recent._walks.cache_clear()

    expected = fieller(x, y, 0.95, "")
    assert (found.value, found.low, found.high) == pytest.approx(
        (expected.value, expected.low, expected.high), rel=1e-6
    )
    assert found.details["readings"] == pytest.approx(12)


def test_a_level_is_that_of_a_local_level_model():
    # Weights of the filter against the generalised least squares of the same model.
    sizes = (4, 2, 2, 1, 1, 1)
    found, n = recent._walks(sizes), np.array(sizes, dtype=float)
    places = np.cumsum(n) - 0.5 * n
    for w, weights, variance in zip(recent._WALKS, found.weights, found.variance, strict=False):
        walk = w**2 * np.minimum.outer(places[-1] - places, places[-1] - places)
        inverse = np.linalg.inv(walk + np.diag(1 / n))
        assert variance == pytest.approx(1 / inverse.sum(), rel=1e-9)
        assert weights == pytest.approx(inverse.sum(axis=0) / inverse.sum(), rel=1e-8, abs=1e-12)


def test_each_walk_s_likelihood_is_that_of_its_model():
    sizes, n = (2, 2, 1, 1, 1), np.array([2.0, 2.0, 1.0, 1.0, 1.0])
    places, y = np.cumsum(n) - 0.5 * n, np.array([0.3, -0.2, 1.0, 0.7, 1.9])
    found = recent._walks(sizes)
    for k, w in enumerate(recent._WALKS):
        cov = w**2 * np.minimum.outer(places, places) + np.diag(1 / n)
        inverse = np.linalg.inv(cov)
        mean = (inverse.sum(axis=0) @ y) / inverse.sum()
        left = (y - mean) @ inverse @ (y - mean)
        assert ((found.rotation[k] @ y) ** 2).sum() == pytest.approx(left, rel=1e-8)


def test_where_it_moved_the_old_is_let_go():
    rng = np.random.default_rng(1)
    truth = np.r_[np.full(40, 3.0), np.full(24, 1.0)]
    found = recent_ratio(truth + 0.1 * rng.standard_normal(64), np.ones(64), positive=True)

    assert found.low < 1.0 < found.high
    assert found.high - found.low < 1.0
    assert found.details["readings"] < 40


def test_readings_without_errors_have_no_width_and_numbers_that_overflow_are_flagged():
    exact = recent_ratio(np.full(9, 2.0), np.full(9, 4.0))
    assert (exact.value, exact.low, exact.high) == (0.5, 0.5, 0.5)
    assert recent_ratio([1.0, np.inf, 2.0], np.ones(3)).flags == ("nonfinite", "no_interval")
    assert recent_ratio(np.ones(4), np.zeros(4)).flags == ("zero_noise", "no_interval")
    few = recent_ratio([1.0, 2.0], [1.0, 1.0])
    assert (few.value, few.flags) == (1.5, ("no_interval",))
    # A denominator that may be 0 leaves the ratio open.
    rng = np.random.default_rng(2)
    vague = recent_ratio(1 + rng.standard_normal(8), 0.1 + rng.standard_normal(8) + 0.2, unit=np.ones(8))
    assert vague.flags == ("not_separated", "no_interval")


def test_ends_of_a_positive_ratio_are_not_below_0():
    rng = np.random.default_rng(3)
    x = rng.standard_normal(30)
    found = recent_ratio(x - x.mean() - 0.5, np.ones(30), positive=True)

    assert found.low == 0.0 <= found.high
    assert found.flags == ("negative_signal",)
    assert recent_ratio(x - x.mean() - 0.5, np.ones(30)).low < 0.0


def test_blocks_are_of_one_size_at_the_end_and_double_before():
    assert block_sizes(5) == (1, 1, 1, 1, 1)
    assert block_sizes(16 + 32 + 5, 1) == (4, *[2] * 16, *[1] * 16)
    assert block_sizes(70, 10) == (10,) * 7
    assert len(block_sizes(100_000)) < 250


def test_student_s_law_is_that_of_few_readings(monkeypatch):
    monkeypatch.setattr(recent, "_SHARES", (1.0, 0.0, 0.0))
    recent._walks.cache_clear()
    x = np.array([1.0, 2.0, 4.0, 3.0])
    with np.errstate(divide="ignore"):
        found = recent_ratio(x, np.ones(4))
    recent._walks.cache_clear()

    half = student.ppf(0.975, 3) * x.std(ddof=1) / 2
    assert (found.low, found.high) == pytest.approx((2.5 - half, 2.5 + half), rel=1e-6)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(EstimatorError, match=r"must be \(n,\) each"):
        recent_ratio(np.ones(3), np.ones(4))
    with pytest.raises(EstimatorError, match="block of 5"):
        recent_ratio(np.ones(3), np.ones(3), 5)


def test_a_series_is_told_the_same_among_others_to_the_bit():
    rng = np.random.default_rng(4)
    many = [
        Series(0.3 + scale * rng.standard_normal(40), 1 + 0.1 * rng.random(40), np.ones(40))
        for scale in (0.01, 1.0, 30.0)
    ]
    assert [recent_ratios([one])[0] for one in many] == recent_ratios(many)
