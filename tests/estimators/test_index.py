"""The tail index of stable draws, its intervals and its invariances."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdesim import estimators as est
from sdesim.errors import EstimatorError
from tests.estimators.samples import stable

SEEDS = st.integers(0, 2**32 - 1)

SHAPE = (64, 16)


@pytest.mark.parametrize("alpha", [1.2, 1.5, 1.8])
@pytest.mark.parametrize("method", ["ecf", "mcculloch", "mle", "block-sum"])
def test_tail_index_of_stable_draws(alpha, method):
    e = est.tail_index(stable(alpha, (20_000 if method != "mle" else 4_000, 1), 11), method)

    # Half the 95% interval is 1.96 standard errors; 2.6 of it are 5.
    assert abs(e.value - alpha) < 2.6 * (e.high - e.low) / 2 + 0.005
    assert not e.has("gaussian_not_rejected")


def test_interval_of_every_method_covers_as_stated():
    # 120 replications of a true 95% give at least 102 with probability 1 − 1e-6 (5 binomial errors: 0.85).
    hits = dict.fromkeys(["ecf", "mcculloch", "block-sum"], 0)
    for seed in range(120):
        x = stable((1.2, 1.5, 1.8)[seed % 3], SHAPE, 1000 + seed)
        for method in hits:
            e = est.tail_index(x, method)
            hits[method] += e.low <= (1.2, 1.5, 1.8)[seed % 3] <= e.high

    assert all(h >= 102 for h in hits.values()), hits


def test_interval_of_the_likelihood_covers_as_stated():
    # Stated 91–95%: 40 of 92% less five binomial errors are 28.2.
    found = [est.tail_index(stable(1.5, SHAPE, 2000 + s), "mle") for s in range(40)]

    assert sum(e.low <= 1.5 <= e.high for e in found) >= 29


@pytest.mark.parametrize("seed", range(3))
def test_gaussians_of_scales_over_six_decades_read_two(seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((256, 16)) * 10.0 ** rng.uniform(-3, 3, 16)

    found = {m: est.tail_index(x, m) for m in ("ecf", "mcculloch", "mle", "block-sum")}

    # Five standard errors at N = 4,096: 0.008 (ECF), 0.06, 0.003 (one-sided), 0.15.
    for method, slack in (("ecf", 0.04), ("mcculloch", 0.3), ("mle", 0.03), ("block-sum", 0.75)):
        assert abs(found[method].value - 2) < slack, method
        assert found[method].has("gaussian_not_rejected")
        assert not found[method].has("not_stable")


def test_raw_pooling_reads_a_mixture_of_gaussian_scales_as_tails_and_standardised_columns_do_not():
    rng = np.random.default_rng(7)
    x = rng.standard_normal((10, 100)) * np.exp(1.5 * rng.standard_normal(100))

    # Claim C31: 1.27 on average for scales of log-normal spread 1.5, k = 100 of 1,000.
    assert est.tail_index(x, "hill-literal").details["unclipped"] < 1.7
    assert est.tail_index(x).has("gaussian_not_rejected")


@settings(max_examples=15, deadline=None)
@given(
    SEEDS, st.sampled_from(["ecf", "mcculloch", "hill", "block-sum"]), st.floats(-20, 20), st.floats(-3, 3)
)
def test_tail_index_ignores_shift_scale_and_sign_of_every_column(seed, method, shift, decade):
    rng = np.random.default_rng(seed)
    x = rng.standard_t(2, (60, 3))
    # Quantiles of pooled columns see on which side a column is skew.
    sign = 1 if method == "mcculloch" else -1
    moved = x * 10.0 ** (decade * np.array([1, -1, 0.5])) * np.array([1, sign, 1]) + shift

    # A shift 10^4 times the scale leaves 12 digits of x.
    assert est.tail_index(moved, method).value == pytest.approx(est.tail_index(x, method).value, rel=1e-6)


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.sampled_from(["ecf", "hill"]))
def test_tail_index_does_not_depend_on_the_order_of_rows_and_columns(seed, method):
    rng = np.random.default_rng(seed)
    x = rng.standard_t(2, (60, 3))
    turned = x[rng.permutation(60)][:, rng.permutation(3)]

    one, other = est.tail_index(x, method), est.tail_index(turned, method)

    assert other.value == pytest.approx(one.value, rel=1e-7)
    assert other.high == pytest.approx(one.high, rel=1e-6)


def test_same_input_gives_the_same_bits():
    x = stable(1.5, SHAPE, 4)

    assert est.tail_index(x, "mcculloch", seed=3) == est.tail_index(x, "mcculloch", seed=3)


def test_samples_that_say_nothing_give_no_number():
    assert math.isnan(est.tail_index(np.ones(5)).value)
    assert math.isnan(est.tail_index(np.ones((50, 3))).value)
    assert est.tail_index(np.arange(50.0), "hill-literal").has("n_le_k")
    assert est.tail_index(np.arange(50.0), "hill", k=60).has("n_le_k")
    assert est.tail_index(np.random.default_rng(0).standard_normal(20), "block-sum").has("no_interval")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "guess"}, "method must be one of"),
        ({"k": 1, "method": "hill"}, "k must be at least 2, got 1"),
        ({"level": 1.5}, "level must be between 0 and 1, got 1.5"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(EstimatorError, match=message):
        est.tail_index(np.arange(100.0), **arguments)


def test_one_number_is_no_sample():
    with pytest.raises(EstimatorError, match="samples must have shape"):
        est.tail_index(1.0)


def test_many_samples_at_once_are_measured_as_each_alone():
    rng = np.random.default_rng(77)
    x = np.stack([rng.standard_normal((64, 3)), rng.standard_t(1.5, (64, 3)), rng.standard_cauchy((64, 3))])
    x = np.concatenate([x, x, x])
    x[3] = np.nan
    x[4, 5] = np.inf
    x[5, :, 1] = 0.0

    many = est.tail_indices(x.reshape(3, 3, 64, 3))

    assert many.value.shape == (3, 3)
    assert many.flags["no_value"].ravel().tolist() == [k == 3 for k in range(9)]
    for k in (0, 1, 2, 4, 5, 6, 7, 8):
        e, literal = est.tail_index(x[k]), est.tail_index(x[k], method="hill-literal")
        found = [a.ravel()[k] for a in (many.value, many.low, many.high, many.literal)]
        assert found == pytest.approx([e.value, e.low, e.high, literal.value], rel=1e-10)
        for flag in ("gaussian_not_rejected", "not_stable", "too_few_samples"):
            assert many.flags[flag].ravel()[k] == e.has(flag)
