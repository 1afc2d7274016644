"""The numbers behind a verdict, by hand and by exact laws."""

import numpy as np
import pytest
from scipy.stats import t, ttest_ind

from sdesim.comparison.statistics import (
    difference_interval,
    distance,
    first_difference,
    holm,
    null_distance,
    null_draws,
    permutation_test,
    spread,
    t_quantile,
)


def test_holm_is_the_step_down_of_the_sorted_p_values():
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, np.nan])), [0.03, 0.06, 0.06, np.nan])


def test_permutations_count_every_split():
    p, smallest = permutation_test(np.full((3, 2), 10.0), np.arange(6.0).reshape(3, 2))

    # 3 + 3: twenty splits, the observed one and its mirror image are the extreme ones.
    assert p == pytest.approx(0.1)
    assert smallest == pytest.approx(0.1)


def test_the_yardstick_is_the_variance_between_seeds_averaged_over_neighbouring_times():
    real = np.array([[0.0, 0.0, 0.0], [2.0, 4.0, 6.0]])

    # Variances 2, 8, 18; the ends count twice at their own end.
    np.testing.assert_allclose(spread(real) ** 2, [(2 + 2 + 8) / 3, (2 + 8 + 18) / 3, (8 + 18 + 18) / 3])
    np.testing.assert_array_equal(spread(np.ones((3, 2))), [0, 0])
    assert np.isnan(spread(real[:1])).all()


def test_the_distance_is_in_units_of_the_yardstick_where_there_is_one():
    simulated, real = np.array([[3.0, 9.0]]), np.array([[1.0, 1.0]])

    assert distance(simulated, real, np.array([4.0, 0.0])) == 0.5
    assert np.isnan(distance(simulated, real, np.zeros(2)))


def test_further_seeds_of_the_real_arm_are_as_far_away_as_the_null_says():
    rng = np.random.default_rng(0)
    n_s, n_r, reps = 3, 5, 2000
    found, null, drawn = [], [], []
    for _ in range(reps):
        # Times so far apart that averaging over neighbours is over nothing: one time alone.
        simulated, real = rng.standard_normal((n_s, 1)), rng.standard_normal((n_r, 1))
        s = spread(real)
        found.append(distance(simulated, real, s))
        null.append(null_distance(real, n_s, s))
    for _ in range(50):
        real = rng.standard_normal((n_r, 1))
        drawn.append(null_draws(real, n_s, spread(real)).mean())

    # E|Δ|/s = √(1/n_s + 1/n_r) E|t₄|, and E|t₄| = 1; five standard errors.
    exact = np.sqrt(1 / n_s + 1 / n_r)
    for values in (found, null, drawn):
        assert abs(np.mean(values) - exact) < 5 * np.std(values) / np.sqrt(len(values))
    assert np.isnan(null_distance(real[:2], n_s, spread(real[:2])))
    assert null_draws(real[:2], n_s, spread(real[:2])).size == 0


def test_the_interval_of_a_difference_is_welch_s():
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal(5), 2 * rng.standard_normal(8)

    delta, low, high = difference_interval(a, b, 0.9)

    exact = ttest_ind(a, b, equal_var=False).confidence_interval(0.9)
    assert (delta, low, high) == pytest.approx((a.mean() - b.mean(), exact.low, exact.high))
    # One value borrows the other's variance: that of a new draw about the mean of the others.
    delta, low, high = difference_interval(a[:1], b, 0.9)
    assert high - delta == pytest.approx(t.ppf(0.95, 7) * b.std(ddof=1) * np.sqrt(1 + 1 / 8))
    assert np.isnan(difference_interval(a[:1], b[:1], 0.9)[1:]).all()
    assert t_quantile(0.9, 7) == pytest.approx(t.ppf(0.95, 7))


def test_a_difference_is_seen_where_it_lasts_and_rounding_is_none():
    real = np.array([[0.0, 0.0, 0.0, 0.0, 0.0], [0.1, 0.1, 0.1, 0.1, 0.1]]) + 1

    assert first_difference(real + np.array([0, 5, 0, 5, 5]), real, 0.95) == 3
    assert first_difference(real, real, 0.95) is None
    same = np.ones((2, 3))
    assert first_difference(same + 1e-10, same, 0.95) is None


def test_equal_trajectories_leave_no_permutation_extreme():
    assert permutation_test(np.ones((2, 3)), np.ones((2, 3))) == (1.0, 1 / 6)
