"""Progress without a Hessian: exact on quadratics, and C* from consecutive gradients with coverage."""

import numpy as np
import pytest

from sdesim.errors import EstimatorError
from sdesim.estimators import (
    critical_from_drops,
    critical_from_gradients,
    mean_change,
    trapezoid_progress,
)

EIGENVALUES = np.array([2.0, 1.0, 0.5, 0.25])
SIGMA = np.array([1.0, 0.5, 2.0, 1.0])


def test_the_mean_change_is_students():
    found = mean_change([1.0, 2.0, 3.0, 6.0])

    # Standard deviation √(14/3), t of 3 degrees of freedom 3.18245.
    assert found.value == 3.0
    assert found.details["error"] == pytest.approx(np.sqrt(14 / 3) / 2)
    assert found.high - 3 == pytest.approx(3.182446 * np.sqrt(14 / 3) / 2, rel=1e-6)
    assert mean_change([1.0]).flags == ("no_interval",)
    assert np.isnan(mean_change([1.0, np.inf]).value)


def test_the_trapezoid_rule_is_exact_on_a_quadratic_whatever_the_step():
    rng = np.random.default_rng(0)
    theta, steps = rng.standard_normal((5, 4)), rng.standard_normal((5, 4))
    loss = lambda x: 0.5 * (EIGENVALUES * x**2).sum(axis=1)  # noqa: E731

    found = trapezoid_progress(steps, EIGENVALUES * theta, EIGENVALUES * (theta + steps))

    assert found.value == pytest.approx((loss(theta + steps) - loss(theta)).mean(), rel=1e-12)


def sgd(eta, steps, seed):
    """Consecutive gradients of SGD on the quadratic with additive noise, and |μ|² before each step."""
    rng = np.random.default_rng(seed)
    # Stationary variance ησ²/(λ(2 − ηλ)).
    theta = rng.standard_normal(4) * np.sqrt(eta * SIGMA / (EIGENVALUES * (2 - eta * EIGENVALUES)))
    gradients, signal = np.empty((steps, 4)), np.empty(steps)
    for t in range(steps):
        mean = EIGENVALUES * theta
        gradients[t], signal[t] = mean + rng.standard_normal(4) * np.sqrt(SIGMA), mean @ mean
        theta = theta - eta * gradients[t]
    return gradients, signal


@pytest.mark.parametrize("eta", [0.05, 0.25, 0.8])
def test_consecutive_gradients_give_c_star_at_any_rate_and_their_dot_product_not_the_signal(eta):
    values, hits = [], 0
    # E C* = η(E μᵀHμ + Tr HΣ)/(2 Tr Σ) in the stationary state, in which C = C*.
    c = eta * EIGENVALUES * SIGMA / (2 - eta * EIGENVALUES)
    expected = c.sum() / SIGMA.sum()
    for seed in range(60):
        gradients, signal = sgd(eta, 1500, seed)
        found = critical_from_gradients(gradients, signal, SIGMA.sum())
        values.append(found.value)
        hits += found.low <= expected <= found.high

    error = np.std(values, ddof=1) / np.sqrt(60)
    # Mean of 60: five of its standard errors. Coverage 0.95 of 60: below 49 once in 10⁵ at 0.94.
    assert abs(np.mean(values) - expected) < 5 * error
    assert hits >= 48
    assert abs(found.details["drift"]) < 1.0


def test_virtual_drops_carry_the_error_of_the_noise():
    found = critical_from_drops([0.2, 0.4, 0.3, 0.3], 2.0, noise_error=0.4)

    alone = critical_from_drops([0.2, 0.4, 0.3, 0.3], 2.0)
    assert found.value == alone.value == pytest.approx(0.075)
    assert found.high > alone.high
    with pytest.raises(EstimatorError, match="positive"):
        critical_from_drops([0.1], 0.0)
    with pytest.raises(EstimatorError, match="at least 2"):
        critical_from_gradients([[1.0]], 1.0, 1.0)
    with pytest.raises(EstimatorError, match="must all be"):
        trapezoid_progress([[1.0]], [[1.0]], [[1.0, 2.0]])
