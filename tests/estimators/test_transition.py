"""Crossings and change points: what noise alone makes of each detector, and where changes are found."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from sdesim import estimators as est
from sdesim.errors import EstimatorError


def test_a_confident_crossing_needs_intervals_on_the_new_side():
    series = np.array([0.2, 0.6, 0.3, 0.6, 0.7, 0.8, 0.9, 0.9])

    noisy = est.detect_transition(series, series - 0.5, series + 0.5)
    clear = est.detect_transition(series, series - 0.01, series + 0.01)
    literal = est.detect_transition(series, method="crossing")

    assert noisy.index is None
    assert literal.index == 1
    assert clear.index is None  # it never held the old side for three values
    settled = np.concatenate([np.full(4, 0.2), series[3:]])
    assert est.detect_transition(settled, settled - 0.01, settled + 0.01).index == 4


def test_a_change_point_is_found_and_noise_has_none():
    rng = np.random.default_rng(5)
    noise = rng.standard_normal(200)

    found = est.detect_transition(noise + np.where(np.arange(200) < 120, 0, 3), method="changepoint")

    assert abs(found.index - 120) <= 3
    assert est.detect_transition(noise, method="changepoint").index is None


DIM = SAMPLES = 20

FALSE_CROSSINGS = 0.2232473


def measured_p(c, rng):
    """Literal p, debiased p and its interval of 20 Gaussian gradients at each true C of c (E,)."""
    g = rng.standard_normal((len(c), SAMPLES, DIM))
    g[:, :, 0] += np.sqrt(np.asarray(c) * DIM)[:, None]
    mean = g.mean(axis=1)
    norm2, dot = (g**2).sum(axis=2), np.einsum("eni,ei->en", g, mean)
    signal = (mean**2).sum(axis=1)
    literal = signal / ((norm2.sum(axis=1) - SAMPLES * signal) / (SAMPLES - 1))
    found = est.jackknife_consolidation(norm2, dot)
    return literal / (1 + literal), *(x / (1 + x) for x in found)


def test_gt36_the_literal_rule_alarms_at_every_fifth_epoch_and_the_confident_one_never():
    rng = np.random.default_rng(36)
    epochs = 20_000
    literal, p, low, high = measured_p(np.full(epochs, 0.9), rng)

    false = len(est.detect_transitions(literal, method="crossing")) / (epochs - 1)
    # Crossings exclude each other in neighbouring epochs, so the variance is below the binomial one; 5 SE.
    assert abs(false - FALSE_CROSSINGS) < 5 * np.sqrt(FALSE_CROSSINGS * (1 - FALSE_CROSSINGS) / epochs)
    # At most 1.6e-5 per epoch: 0.3 expected, and more than 6 with probability 3e-8.
    assert len(est.detect_transitions(p, low, high)) <= 6


def test_the_confident_rule_stays_silent_at_the_threshold_itself():
    rng = np.random.default_rng(37)
    _, p, low, high = measured_p(np.ones(20_000), rng)

    # Each side is excluded by at most 3.5% of intervals here, three in a row by 4e-5: 0.9 expected of each
    # direction, more than 10 with probability 1e-6 even if none needed the other side before.
    assert len(est.detect_transitions(p, low, high)) <= 10


def test_a_crossing_is_found_soon_and_inside_its_interval():
    rng = np.random.default_rng(38)
    reps, start = 100, 30
    found = []
    for _ in range(reps):
        c = np.where(np.arange(60) < start, 0.3, 3.0)
        _, p, low, high = measured_p(c, rng)
        found.append(est.detect_transition(p, low, high))

    assert all(t.direction == "up" for t in found)
    # All 100 lie within; 0.95 minus five binomial standard errors is 0.84.
    assert np.mean([t.low <= start <= t.high for t in found]) > 0.84
    assert np.median([t.index for t in found]) <= start + 2


@given(st.integers(0, 10_000))
def test_up_and_down_alternate_and_mirror(seed):
    rng = np.random.default_rng(seed)
    x = 0.5 + 0.4 * np.sign(np.sin(np.arange(80) / 6 + rng.uniform(0, 6))) + 0.05 * rng.standard_normal(80)
    half = rng.uniform(0.01, 0.3)

    found = est.detect_transitions(x, x - half, x + half)
    mirrored = est.detect_transitions(1 - x, 1 - x - half, 1 - x + half)

    assert all(a.direction != b.direction for a, b in pairwise(found))
    assert [t.index for t in found] == [t.index for t in mirrored]
    assert all(t.low <= t.index == t.high for t in found)
    moved = est.detect_transitions(x + 3, x + 3 - half, x + 3 + half, threshold=3.5)
    assert [t.index for t in moved] == [t.index for t in found]


def test_a_series_at_the_band_alarms_once():
    x = np.concatenate([np.full(5, 0.3), np.full(5, 0.7), np.full(5, 0.48), np.full(5, 0.7), np.full(5, 0.4)])

    found = est.detect_transitions(x, x - 0.01, x + 0.01)

    # 0.48 lies confidently below the threshold but not below the band's 0.45.
    assert [(t.index, t.direction) for t in found] == [(5, "up"), (20, "down")]
    eager = est.detect_transitions(x, x - 0.01, x + 0.01, rearm=0.0)
    assert [t.index for t in eager] == [5, 10, 15, 20]


def test_a_threshold_may_move_and_gaps_confirm_nothing():
    c = np.linspace(1.0, 2.0, 40)
    star = np.where(np.arange(40) < 25, 2.5, 0.5)

    assert est.detect_transition(c, c - 0.1, c + 0.1, threshold=star).index == 25
    gappy = np.where(np.arange(40) % 3 == 0, np.nan, np.where(np.arange(40) < 20, 0.2, 0.8))
    t = est.detect_transition(gappy, gappy - 0.01, gappy + 0.01)
    assert t.index is None
    assert t.flags == ("no_confident_value",)
    assert t.n == int(np.isfinite(gappy).sum())


@pytest.mark.parametrize("noise", ["normal", "t3"])
def test_the_interval_of_a_change_point_covers_it(noise):
    rng = np.random.default_rng(39)
    reps, n = 150, 60
    hits, found = 0, 0
    for r in range(reps):
        at = rng.integers(12, 48)
        z = rng.standard_normal(n) if noise == "normal" else rng.standard_t(3, n) / np.sqrt(3)
        t = est.detect_transition(z + 2.0 * (np.arange(n) >= at), method="changepoint", seed=r)
        if t.index is None:
            continue
        found += 1
        hits += t.low <= at <= t.high
        assert t.direction == "up"
        assert t.low <= t.index <= t.high
    assert found > 0.95 * reps
    # Five binomial standard errors below 0.95 at 150 repetitions.
    assert hits / found > 0.95 - 5 * np.sqrt(0.95 * 0.05 / reps)


def test_noise_alone_has_a_change_point_at_most_once_in_a_hundred():
    rng = np.random.default_rng(40)
    found = [
        est.detect_transition(rng.standard_t(3, 50), method="changepoint", seed=r).index for r in range(300)
    ]

    # Three expected of a test at level 0.01; more than 14 with probability 1e-6.
    assert sum(t is not None for t in found) <= 14


def test_change_points_are_equivariant_and_constant_series_have_none():
    rng = np.random.default_rng(41)
    x = rng.standard_normal(80) + 3 * (np.arange(80) >= 30)
    a = est.detect_transition(x, method="changepoint")
    b = est.detect_transition(-7.0 * x + 2.0, method="changepoint")

    assert (a.index, a.low, a.high) == (b.index, b.low, b.high)
    assert (a.direction, b.direction) == ("up", "down")
    assert a.details["shift"] == pytest.approx(3.0, abs=5 * np.sqrt(1 / 30 + 1 / 50))
    assert est.detect_transition(np.ones(50), method="changepoint").index is None
    assert est.detect_transition(np.ones(5), method="changepoint").flags == ("too_few_samples",)


def test_a_transition_reads_like_an_estimate():
    x = np.concatenate([np.full(4, 0.2), np.full(4, 0.8)])
    t = est.detect_transition(x, x - 0.1, x + 0.1)

    assert (t.value, t.index, t.low, t.high, t.n) == (4.0, 4, 4, 4, 8)
    assert set(t.to_dict()) >= {"index", "direction", "low", "high", "p_value", "flags", "level", "n"}
    assert np.isnan(est.detect_transition(x[:4], x[:4], x[:4]).value)


def test_what_does_not_fit_is_refused():
    x = np.linspace(0, 1, 20)
    for call, word in (
        (lambda: est.detect_transition(x), "needs low and high"),
        (lambda: est.detect_transition(x, x[1:], x[1:]), "series' shape"),
        (lambda: est.detect_transition(x[None], x, x), "one-dimensional"),
        (lambda: est.detect_transition(x, x, x, method="magic"), "method"),
        (lambda: est.detect_transition(x, x, x, confirm=0), "confirm"),
        (lambda: est.detect_transition(x, x, x, threshold=x[1:]), "threshold"),
        (lambda: est.detect_transition(x, method="changepoint", level=1.0), "level"),
        (lambda: est.detect_transitions(x, method="changepoint"), "detect_transition"),
    ):
        with pytest.raises(EstimatorError, match=word):
            call()


def test_the_stated_false_alarm_bound_is_that_of_three_one_sided_intervals():
    assert norm.sf(norm.isf(0.025)) ** 3 == pytest.approx(1.6e-5, rel=0.03)
