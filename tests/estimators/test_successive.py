"""Successive gradients of plain SGD: drift, C* and phase; statistical tests allow five errors (6e-7)."""

import numpy as np
import pytest

from sdesim.errors import EstimatorError
from sdesim.estimators.dynamics.successive import successive_gradients

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


def test_the_drift_is_the_change_of_the_loss_and_the_critical_ratio_that_of_the_hessian():
    losses, signal, noise, overlap = descent(0.3, 40_000)

    found = successive_gradients(signal, noise, overlap, block=25)

    # The half width is 1.96 standard errors or so.
    true = (losses[-1] - losses[0]) / (40_000 * ETA)
    assert abs(found.drift.value - true) < 2.6 * found.drift.details["half_width"]
    # C* = η (μᵀHμ + Tr HΣ)/(2 Tr Σ), whose first part is a hundredth of the second in the stationary state.
    second = np.mean(CURVATURE**3 * ETA / (2 - ETA * CURVATURE) / CURVATURE)
    star = ETA * (second + CURVATURE.mean()) / 2
    assert abs(found.c_star.value - star) < 2.6 * (found.c_star.high - found.c_star.low) / 2


def test_the_phase_is_told_where_it_is_resolved_only():
    falling = np.full(20, 1.0), np.full(20, 9.0), np.linspace(0.5, 1.0, 20)
    _, *resting = descent(0.3, 4000)

    assert successive_gradients(*falling).phase == "generalization"
    still = successive_gradients(*(x[1000:] for x in resting), block=25)
    assert still.phase == "transition"
    assert still.drift.details["pairs_needed"] > 3000
    rising = successive_gradients(np.full(20, 1.0), np.full(20, 9.0), np.linspace(-3.0, -2.0, 20))
    assert rising.phase == "exploration"
    assert rising.c_star.value == pytest.approx(3.5 / 18)


def test_few_blocks_give_no_interval_and_no_phase():
    found = successive_gradients(np.ones(70), np.ones(70), np.ones(70), block=10)

    assert (found.drift.value, found.phase) == (-1.0, "transition")
    assert found.drift.flags == ("no_interval",)
    assert np.isnan(found.c_star.low)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(EstimatorError, match=r"must be \(n,\) each"):
        successive_gradients(np.ones(3), np.ones(4), np.ones(3))
    with pytest.raises(EstimatorError, match="block of 5"):
        successive_gradients(np.ones(3), np.ones(3), np.ones(3), block=5)
