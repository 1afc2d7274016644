"""One quantity of two arms: its curve, its numbers, and the verdict in words."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t

from sdesim.comparison.align import Aligned
from sdesim.comparison.quantity import curve, describe, judge, measure_difference

TIMES = np.array([0.0, 1.0])


def aligned(simulated, real):
    nothing = [tuple(np.full(x.shape, np.nan) for _ in range(2)) for x in (simulated, real)]
    return Aligned(TIMES, simulated, real, *nothing, dropped=1)


def measured(shift=0.0, factor=1.0, n=4, level=0.95, count=1):
    """Four seeds and four simulations about 2, the second shifted or scaled."""
    values = 2 + 0.1 * np.random.default_rng(0).standard_normal((2 * n, 2))
    pair = aligned(factor * values[:n] + shift, values[n:])
    return pair, measure_difference("loss", pair, level, count)


def test_a_curve_has_student_s_interval_over_trajectories_and_of_one_its_own():
    values = np.array([[1.0, 4.0], [3.0, 4.0], [5.0, 7.0]])
    own = values - 1, values + 2

    found, single = curve(values, own, 0.9), curve(values[:1], own, 0.9)

    half = t.ppf(0.95, 2) * np.array([2.0, np.sqrt(3.0)]) / np.sqrt(3)
    np.testing.assert_allclose(
        [found.mean, found.high - found.mean, found.mean - found.low], [[3, 5], half, half]
    )
    assert (found.n, found.source) == (3, "trajectories")
    np.testing.assert_array_equal([single.mean, single.low, single.high], [[1, 4], [0, 3], [3, 6]])
    assert (single.n, single.source) == (1, "estimator")


def test_positive_quantities_are_compared_by_their_ratio_and_others_by_their_difference():
    pair, q = measured(factor=3.0)
    _, other = measured(shift=-10.0)

    mean = [np.exp(np.log(x).mean()) for x in (pair.simulated, pair.real)]
    assert q.effect_kind == "ratio"
    assert q.effect[0] == pytest.approx(mean[0] / mean[1])
    assert q.effect[1] < q.effect[0] < q.effect[2]
    assert other.effect_kind == "difference"
    assert other.effect[0] == pytest.approx(-10, abs=0.2)
    assert (q.dropped, q.first_seen) == (1, 0.0)


@pytest.mark.parametrize(
    ("kind", "effect", "words"),
    [
        ("ratio", (2.0, 1.5, 2.5), "2 [1.5, 2.5] times higher"),
        ("ratio", (0.5, 0.4, 0.8), "2 [1.25, 2.5] times lower"),
        ("ratio", (1.1, 0.9, 1.3), "1.1 [0.9, 1.3] times the real value on average over time"),
        ("difference", (2.0, 1.0, 3.0), "higher by 2 [1, 3]"),
        ("difference", (-2.0, -3.0, -1.0), "lower by 2 [1, 3]"),
        ("difference", (2.0, -1.0, 5.0), "+2 [-1, 5] from the real value on average over time"),
        ("difference", (2.0, np.nan, np.nan), "+2 from the real value on average over time"),
    ],
)
def test_the_effect_in_words(kind, effect, words):
    assert describe(replace(measured()[1], effect_kind=kind, effect=effect)) == words


def test_with_too_few_seeds_for_permutations_the_distance_decides():
    far = judge(measured(shift=5.0)[1], p_holm=1 / 35, level=0.99, count=1)
    near = judge(measured()[1], p_holm=0.8, level=0.99, count=1)

    assert (far.outcome, far.basis) == ("differs", "distance against its null")
    assert far.verdict.startswith("differs: simulated is ")
    assert "permutations can't go below p=0.029 for 1 quantities" in far.verdict
    assert near.outcome == "indistinguishable"


def test_where_permutations_can_decide_they_do():
    q = measured(shift=5.0)[1]

    assert judge(q, p_holm=q.p_value, level=0.95, count=1).basis == "permutation test"
    assert judge(q, p_holm=q.p_value, level=0.95, count=1).outcome == "differs"
    # Far away, but not so by permutations once all quantities are counted.
    lenient = judge(q, p_holm=0.2, level=0.95, count=1)
    assert lenient.outcome == "undecided"
    assert "beyond one quantity's null, within that of 1" in lenient.verdict


def test_too_few_or_equal_real_seeds_give_no_verdict():
    two = measure_difference("loss", aligned(np.ones((3, 2)), np.eye(2)), 0.95, 1)
    equal = measure_difference("loss", aligned(np.ones((3, 2)), np.ones((3, 2))), 0.95, 1)

    for q, words in ((two, "at least 3 needed"), (equal, "so there is no yardstick, n=3+3")):
        judged = judge(q, 1.0, 0.95, 1)
        assert (judged.outcome, judged.basis) == ("undecided", "none")
        assert words in judged.verdict
