"""Successive steps of SGD: drift, C* and phase; statistical tests allow five errors (6e-7)."""

import numpy as np
import pytest

from sdesim.errors import EstimatorError
from sdesim.estimators.dynamics.successive import successive_steps

ETA = 0.2
CURVATURE = np.linspace(0.1, 3.0, 20)


def descent(start, steps, seed=0):
    """Losses, and the numbers of each pair of steps, of SGD on a quadratic with white noise."""
    rng = np.random.default_rng(seed)
    theta, gradients, means, losses = np.full(20, start), [], [], []
    for _ in range(steps + 1):
        means.append(CURVATURE * theta)
        losses.append(0.5 * theta @ means[-1])
        gradients.append(means[-1] + rng.standard_normal(20))
        theta = theta - ETA * gradients[-1]
    g, mu = np.array(gradients), np.array(means)
    return np.array(losses), (mu[:-1] ** 2).sum(axis=1), np.full(steps, 20.0), (g[:-1] * g[1:]).sum(axis=1)


def of_gradients(signal, noise, overlap, rate=1.0, **options):
    """Of plain steps: u = −η g."""
    eta = np.broadcast_to(rate, np.shape(signal))
    products = -eta * np.asarray(signal), -eta * np.asarray(overlap)
    return successive_steps(signal, noise, *products, eta, eta, **options)


def test_the_drift_is_the_change_of_the_loss_and_the_critical_ratio_that_of_the_hessian():
    losses, signal, noise, overlap = descent(0.3, 40_000)

    found = of_gradients(signal, noise, overlap, ETA, block=25)

    # The half width is 1.96 standard errors or so; the level at the end is not the mean where it may walk.
    true = (losses[-1] - losses[0]) / (40_000 * ETA)
    assert abs(found.drift.value - true) < 2.6 * found.drift.details["half_width"]
    # C* = η (μᵀHμ + Tr HΣ)/(2 Tr Σ), whose first part is a hundredth of the second in the stationary state.
    second = np.mean(CURVATURE**3 * ETA / (2 - ETA * CURVATURE) / CURVATURE)
    star = ETA * (second + CURVATURE.mean()) / 2
    assert abs(found.c_star.value - star) < 2.6 * (found.c_star.high - found.c_star.low) / 2
    assert found.c_star.high - found.c_star.low < 0.2 * star


def test_the_phase_is_told_where_it_is_resolved_only():
    falling = np.full(20, 1.0), np.full(20, 9.0), np.linspace(0.7, 0.8, 20)
    _, *resting = descent(0.3, 4000)

    assert of_gradients(*falling).phase == "generalization"
    still = of_gradients(*(x[1000:] for x in resting), ETA, block=25)
    assert still.phase == "transition"
    assert still.drift.details["pairs_needed"] > 3000
    rising = of_gradients(np.full(20, 1.0), np.full(20, 9.0), np.full(20, -2.5))
    assert rising.phase == "exploration"
    assert rising.c_star.value == pytest.approx(3.5 / 18)


def test_few_blocks_give_no_interval_and_no_phase():
    found = of_gradients(np.ones(70), np.ones(70), np.ones(70), block=10)

    assert (found.drift.value, found.phase) == (-1.0, "transition")
    assert found.drift.flags == ("no_interval",)
    assert np.isnan(found.c_star.low)


def test_under_another_rate_the_critical_ratio_is_that_of_the_newest():
    # M = 1, T = 2, C* = η: s = M − 2 C* T = 1 − 4η.
    rate = np.linspace(0.05, 0.1, 40)
    found = of_gradients(np.ones(40), np.full(40, 2.0), 1 - 4 * rate, rate)

    assert found.c_star.value == pytest.approx(0.1)
    assert found.drift.value == pytest.approx(-0.5 * (1 + 1 - 0.4))
    assert "rate_varies" in found.drift.flags


def test_what_was_read_at_small_rates_does_not_blur_what_is_read_at_large_ones():
    rng = np.random.default_rng(5)
    rate = np.r_[np.full(60, 1e-3), np.full(60, 0.1)]
    signal = 1 + 0.3 * rng.standard_normal(120)
    overlap = 1 - 4 * rate + 0.3 * rng.standard_normal(120)
    both = of_gradients(signal, np.full(120, 2.0), overlap, rate)
    late = of_gradients(signal[60:], np.full(60, 2.0), overlap[60:], 0.1)

    assert both.c_star.high - both.c_star.low < 2 * (late.c_star.high - late.c_star.low)
    assert both.c_star.low < 0.1 < both.c_star.high


def test_steps_without_a_gain_have_a_drift_and_no_critical_ratio():
    found = successive_steps(1.0, 2.0, np.full(20, -0.3), np.full(20, -0.1), 0.1)

    assert found.c_star is None
    assert (found.drift.value, found.phase) == (pytest.approx(-2.0), "generalization")


def test_what_does_not_fit_is_refused():
    with pytest.raises(EstimatorError, match=r"must be \(n,\) each"):
        of_gradients(np.ones(3), np.ones(4), np.ones(3))
    with pytest.raises(EstimatorError, match="at least a block of 5"):
        of_gradients(np.ones(3), np.ones(3), np.ones(3), block=5)
    with pytest.raises(EstimatorError, match="rates must be above 0"):
        of_gradients(np.ones(3), np.ones(3), np.ones(3), 0.0)
