"""What a comparison says that it would have seen."""

import math

import numpy as np
import pytest

from sdesim.comparison.align import Aligned
from sdesim.comparison.power import LIMIT, power_of
from sdesim.comparison.quantity import judge, measure_difference, with_power
from sdesim.estimators.core.power import Power

LEVEL, COUNT, TIMES = 0.95, 5, 6


def aligned(simulated, real):
    nothing = tuple(np.full(TIMES, np.nan) for _ in range(2))
    return Aligned(np.arange(float(TIMES)), simulated, real, nothing, nothing, dropped=0)


def drawn(rng, n):
    """Seeds of unit variance that keep half of their deviation over all times."""
    return math.sqrt(0.5) * (rng.standard_normal((n, 1)) + rng.standard_normal((n, TIMES)))


def verdict(simulated, real):
    q = measure_difference("x", aligned(simulated, real), LEVEL, COUNT)
    return judge(q, min(1.0, COUNT * q.p_value), LEVEL, COUNT)


@pytest.mark.parametrize("n", [4, 8])
def test_the_difference_stated_is_seen_about_nine_times_in_ten(n):
    rng = np.random.default_rng(n)
    seen = []
    for _ in range(10):
        told = power_of(aligned(drawn(rng, n), drawn(rng, n)), LEVEL, COUNT, COUNT)
        seen += [
            verdict(drawn(rng, n) + told.difference, drawn(rng, n)).outcome == "differs" for _ in range(4)
        ]

    # Of 40 draws at 0.9 fewer than 25 come with probability 1e-6; the pilots' own chance adds little to that.
    assert sum(seen) >= 25


def test_a_difference_twice_as_large_takes_fewer_seeds_and_one_that_is_chance_has_no_number():
    rng = np.random.default_rng(0)
    sim, real = drawn(rng, 8), drawn(rng, 8)
    sim += real.mean(axis=0) - sim.mean(axis=0)

    none, small, large = (power_of(aligned(sim + d, real), LEVEL, COUNT, COUNT) for d in (0.0, 0.9, 1.8))

    assert (none.measured, none.needed) == (0.0, None)
    assert 9 <= large.needed < small.needed <= LIMIT
    # What chance adds to the square is taken off.
    assert 0 < small.measured < 0.9 * np.mean(1 / real.std(axis=0, ddof=1)) * 1.5
    assert none.difference == pytest.approx(small.difference, rel=0.02)


def test_fewer_quantities_that_are_open_leave_a_milder_level():
    rng = np.random.default_rng(1)
    pair = aligned(drawn(rng, 10), drawn(rng, 10))

    assert power_of(pair, LEVEL, 20, 1).difference < power_of(pair, LEVEL, 20, 20).difference


def test_times_at_which_all_seeds_agree_tell_nothing():
    rng = np.random.default_rng(2)
    sim, real = drawn(rng, 8) + 0.9, drawn(rng, 8)
    sim[:, 0] = real[:, 0] = 1.0

    told = power_of(aligned(sim, real), LEVEL, COUNT, COUNT)

    assert math.isfinite(told.difference)
    assert told.needed is not None


def test_without_a_yardstick_there_is_no_power():
    real = np.ones((4, TIMES))

    assert power_of(aligned(drawn(np.random.default_rng(3), 4), real), LEVEL, COUNT, COUNT) is None
    assert power_of(aligned(real, real[:2]), LEVEL, COUNT, COUNT) is None


def test_a_verdict_that_is_told_apart_states_no_power_and_others_do():
    rng = np.random.default_rng(4)
    sim, real = drawn(rng, 4), drawn(rng, 4)
    power = Power(2.14, 1.4, 12, LIMIT, "seeds", scale="spreads")

    far, near = with_power(verdict(sim + 90, real), power), with_power(verdict(sim, real), power)

    assert far.power is None
    assert near.power is power
    assert near.verdict.endswith(
        "; 2.1 spreads are seen with probability 0.9; the 1.4 measured take 12 seeds an arm"
    )


def test_too_few_real_seeds_say_how_many_are_needed_first():
    rng = np.random.default_rng(5)

    q = verdict(drawn(rng, 4), drawn(rng, 2))

    assert q.power is not None
    assert q.power.why == "3 real seeds are needed first"


@pytest.mark.parametrize(
    ("power", "said"),
    [
        (
            Power(2.0, 0.1, None, LIMIT, "seeds", scale="spreads"),
            "1,000 seeds an arm don't settle the 0.1 measured",
        ),
        (
            Power(2.0, 0.0, None, LIMIT, "seeds", scale="spreads"),
            "what was measured is no more than chance makes",
        ),
        (Power(math.nan, 0.1, 9, LIMIT, "seeds", scale="spreads"), "no difference is seen with"),
    ],
)
def test_power_in_words(power, said):
    assert said in power.text
