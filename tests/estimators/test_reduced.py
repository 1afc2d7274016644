"""C from two numbers per draw or from two sums, by hand."""

import math

import numpy as np
import pytest
from scipy.stats import t

from sdesim import estimators as est
from sdesim.errors import EstimatorError
from sdesim.estimators.consolidation.reduced import correction, literal_ratio, white_noise_interval

# ḡ = (2, 1): |ḡ|² = 5, Tr Σ̂ = 4/3.
SQUARE = np.array([[1.0, 1.0], [3.0, 1.0], [2.0, 2.0], [2.0, 0.0]])
NORM2, DOT = (SQUARE**2).sum(axis=1), SQUARE @ SQUARE.mean(axis=0)


def test_leaving_out_a_draw_needs_no_gradient_again():
    signal, noise = est.leave_one_out(NORM2, DOT)

    left = [np.delete(SQUARE, i, axis=0) for i in range(4)]
    np.testing.assert_allclose(signal, [(g.mean(axis=0) ** 2).sum() for g in left], rtol=1e-14)
    np.testing.assert_allclose(noise, [g.var(axis=0, ddof=1).sum() for g in left], rtol=1e-14)


def test_the_jackknife_is_that_of_the_gradients_themselves():
    g = np.random.default_rng(0).standard_normal((2, 12, 5)) + 0.5
    numbers = (g * g).sum(axis=-1), np.einsum("kij,kj->ki", g, g.mean(axis=1))

    found = est.jackknife_consolidation(*numbers)

    for k in range(2):
        e = est.consolidation_ratio(g[k])
        assert [x[k] for x in found] == pytest.approx([e.value, e.low, e.high], rel=1e-12)


def test_c_of_two_sums_is_debiased_or_literal():
    debiased = est.consolidation_from_sums(5.0, 4 / 3, 4)
    literal = est.consolidation_from_sums(5.0, 4 / 3, 4, "literal")

    assert debiased.value == pytest.approx(5 / (4 / 3) - 1 / 4)
    assert debiased.details == pytest.approx({"signal": 5 - 1 / 3, "noise": 4 / 3})
    assert debiased.has("delta_interval")
    assert literal.value == literal_ratio(5.0, 4 / 3) == 5 / (4 / 3 + 1e-10)
    assert literal.has("no_interval")


def test_of_all_examples_nothing_was_drawn():
    e = est.consolidation_from_sums(5.0, 4 / 3)

    assert (e.value, e.n) == (5.0 / (4 / 3), 0)
    assert e.has("no_interval")


def test_the_interval_of_two_sums_is_wald_s_below_and_the_score_s_above():
    c, n, level = 0.4, 10, 0.9
    low, high = white_noise_interval(c, 1 / n, 1 / (n * (n - 1)), level, n - 1, dim=3.0)

    quantile = t.ppf(0.95, n - 1)

    def variance(at):
        # Var Ĉ in units of T²: the linear term is that at the C tried.
        return (4 * at / n + 2 / (n * (n - 1)) + 2 * c**2 / (n - 1)) / 3

    assert c - low == pytest.approx(quantile * math.sqrt(variance(c)))
    assert high - c == pytest.approx(quantile * math.sqrt(variance(high)))


def test_signal_and_noise_are_the_parts_of_c_with_their_jackknife():
    signal, noise = est.signal_and_noise(5.0, 4 / 3, 4, NORM2, DOT)
    whole, _ = est.signal_and_noise(5.0, 4 / 3, 4, NORM2, DOT, cut=False)

    left_signal, left_noise = est.leave_one_out(NORM2, DOT)
    half, trace_half = (
        t.ppf(0.975, 3) * math.sqrt(3 / 4 * ((left - left.mean()) ** 2).sum())
        for left in (left_signal - left_noise / 3, left_noise)
    )
    mu2, trace = 5 - 1 / 3, 4 / 3
    assert (whole.value, whole.low, whole.high) == pytest.approx((mu2, mu2 - half, mu2 + half))
    assert (signal.value, signal.low, signal.high) == pytest.approx((mu2, max(0, mu2 - half), mu2 + half))
    ends = [trace * math.exp(x * trace_half / trace) for x in (-1, 1)]
    assert (noise.value, noise.low, noise.high) == pytest.approx((trace, *ends))
    assert est.signal_and_noise(0.1, 4.0, 4)[0].flags == ("negative_signal", "no_interval")


def test_the_share_of_draws_along_the_mean_of_the_others_is_counted():
    g = np.array([[1.0, 0.0], [2.0, 1.0], [-1.0, 0.5], [1.0, -1.0]])
    along = [g[i] @ np.delete(g, i, axis=0).mean(axis=0) > 0 for i in range(4)]

    e = est.direction_share((g * g).sum(axis=1), g @ g.mean(axis=0))

    assert e.value == np.mean(along)
    assert 0 <= e.low < e.value < e.high <= 1


def test_batches_of_an_epoch_keep_one_share_of_the_debiasing():
    assert correction("iid", 5, None, None) == 1
    assert correction("epoch", 5, 4, 40) == 0.5
    assert correction("epoch", 10, 4, 40) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: correction("epoch", 11, 4, 40), "11 batches of 4 don't fit into one epoch of 40 examples"),
        (lambda: correction("epoch", 5, None, 40), "needs batch_size and dataset_size"),
        (lambda: correction("shuffled", 5, 4, 40), "sampling must be 'iid' or 'epoch', got 'shuffled'"),
        (lambda: est.signal_and_noise(1.0, 1.0, 4, NORM2), "given together"),
        (lambda: est.direction_share(NORM2, DOT[:3]), r"must both be \(n,\)"),
        (lambda: est.consolidation_from_sums(1.0, 1.0, 4, "best"), "debiased, literal, got 'best'"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(EstimatorError, match=message):
        call()
