"""What one gradient tells of the mean one, in nats."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdesim import estimators as est
from sdesim.errors import EstimatorError
from tests.estimators.samples import near

SEEDS = st.integers(0, 2**32 - 1)


def test_gt29_the_same_c_carries_different_information():
    c, d = 0.5, 10
    isotropic, rank_one = est.gradient_information(c, d), est.gradient_information(c, d, "rank-one")

    assert isotropic.value == pytest.approx(2.027326, abs=1e-6)
    assert rank_one.value == pytest.approx(0.8958797, abs=1e-6)
    assert est.gradient_information(c, d, "literal").value == pytest.approx(0.4054651, abs=1e-6)
    axis = np.zeros((d, d))
    axis[0, 0] = d * c
    assert est.channel_information(c * np.eye(d), np.eye(d)).value == pytest.approx(isotropic.value)
    assert est.channel_information(axis, np.eye(d)).value == pytest.approx(rank_one.value)
    # log p(g|μ)/p(g) averaged over draws, for the isotropic channel.
    rng = np.random.default_rng(7)
    signal, noise = math.sqrt(c) * rng.standard_normal((50_000, d)), rng.standard_normal((50_000, d))
    ratio = 0.5 * ((signal + noise) ** 2 / (1 + c) - noise**2 + math.log1p(c)).sum(axis=1)
    assert near(ratio, isotropic.value)


@settings(deadline=None)
@given(SEEDS)
def test_gt29_any_signal_in_white_noise_lies_between_the_bounds_and_any_map_keeps_the_information(seed):
    rng = np.random.default_rng(seed)
    d = 5
    a = rng.standard_normal((d, d)) * 10.0 ** rng.uniform(-1, 1, d)
    signal = a @ a.T
    jacobian = rng.standard_normal((d, d)) + 3 * np.eye(d)

    value = est.channel_information(signal, np.eye(d)).value

    bounds = est.gradient_information(np.trace(signal) / d, d).details
    assert bounds["rank_one"] - 1e-9 <= value <= bounds["isotropic"] + 1e-9
    mapped = est.channel_information(jacobian @ signal @ jacobian.T, jacobian @ jacobian.T)
    assert mapped.value == pytest.approx(value, rel=1e-6)


def test_the_bound_from_samples_stays_below_the_information_and_meets_it_at_full_rank():
    rng, d, n = np.random.default_rng(8), 4, 4000
    signals = rng.standard_normal((300, d)) * [3.0, 1.0, 0.5, 0.2]
    sigma = np.diag([1.0, 2.0, 0.5, 1.0])
    gradients = rng.standard_normal((n, d)) * np.sqrt(np.diag(sigma))
    exact = est.channel_information(signals.T @ signals / len(signals), sigma).value

    full = est.channel_information_bound(signals, gradients)
    few = est.channel_information_bound(signals, gradients[:8])

    # Each of four log-variances has standard error √(2/n) = 2.2%, at weight below ½.
    assert full.value == pytest.approx(exact, abs=5 * 0.5 * math.sqrt(4 * 2 / n))
    assert few.has("rank_limited")
    assert few.details["rank"] == 2


@pytest.mark.parametrize(
    "call",
    [
        lambda: est.gradient_information(0.1, 5, "exact"),
        lambda: est.gradient_information(0.1, 0),
        lambda: est.channel_information(np.eye(2), np.eye(3)),
        lambda: est.channel_information(np.eye(2), np.zeros((2, 2))),
        lambda: est.channel_information(-np.eye(2), np.eye(2)),
        lambda: est.channel_information_bound(np.zeros((2, 3)), np.ones((9, 3))),
        lambda: est.channel_information_bound(np.ones((2, 3)), np.ones((4, 3))),
    ],
)
def test_wrong_arguments_are_refused(call):
    with pytest.raises(EstimatorError):
        call()
