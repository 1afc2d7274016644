"""What C says of one step: the best rate, and the chance that the loss falls."""

import math

import numpy as np
import pytest

from sdesim import estimators as est
from sdesim.errors import EstimatorError
from tests.estimators.samples import near


def test_gt31_the_loss_falls_with_the_probability_of_a_noncentral_chi_square():
    r, d, n = 0.1, 200, 20_000
    exact = {0.03: 0.03421211, 0.052631578947: 0.5062374, 0.1: 0.9833577, 1.0: 1.0}
    for c, value in exact.items():
        assert est.decrease_probability(c, d, r).value == pytest.approx(value, abs=1e-6)

    # By steps: L = |θ|²/2, g = θ + ε with |θ|² = dC in unit noise, step r.
    c = 0.052631578947
    theta = np.full(d, math.sqrt(c))
    rng = np.random.default_rng(5)
    after = ((1 - r) * theta - r * rng.standard_normal((n, d))) ** 2
    assert near(after.sum(axis=1) < d * c, exact[c])
    threshold = est.consolidation_threshold(r, hessian_signal=d * c, hessian_noise=d, noise=d)
    assert threshold.value == pytest.approx(c, rel=1e-9)
    # C* itself depends on C through μᵀHμ; where they meet it is r/(2 − r).
    assert c == pytest.approx(r / (2 - r), rel=1e-9)
    span = est.decrease_probability(est.Estimate(0.05, 0.03, 0.1, 0.95, "debiased", 9), d, r)
    assert (span.low, span.high) == pytest.approx((exact[0.03], exact[0.1]), abs=1e-6)


def test_gt33_p_is_the_best_step_and_the_best_decrease_on_an_isotropic_quadratic():
    c, d, n = 3.0, 20, 60_000
    theta = np.zeros(d)
    theta[0] = 1.0
    noise = np.random.default_rng(6).standard_normal((n, d)) / math.sqrt(c * d)

    best = est.eta_star(signal=1.0, hessian_signal=1.0, hessian_noise=1 / c)

    assert best.value == pytest.approx(est.probability(c).value)
    assert best.value == pytest.approx(0.75)
    for r, left in ((best.value, 0.25), (0.6, 0.28), (0.9, 0.28)):
        assert near((((1 - r) * theta - r * noise) ** 2).sum(axis=1), left)
    assert est.learning_acceleration(est.probability(c)).value == pytest.approx(2)
    assert est.learning_acceleration(est.probability(c), "literal").value == pytest.approx(3)
    assert est.eta_star(-0.1, 1.0, 1.0).has("negative_signal")
    assert est.eta_star(1.0, -3.0, 1.0).has("no_curvature")


@pytest.mark.parametrize(
    "call",
    [
        lambda: est.decrease_probability(0.1, 5, 0.0),
        lambda: est.consolidation_threshold(0.0, 1.0, 1.0, 1.0),
        lambda: est.consolidation_threshold(0.1, 1.0, 1.0, 0.0),
    ],
)
def test_wrong_arguments_are_refused(call):
    with pytest.raises(EstimatorError):
        call()
