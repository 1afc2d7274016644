"""Differences of gradients and losses against derivatives known in closed form."""

import numpy as np
import pytest

from sdesim.errors import EstimatorError
from sdesim.estimators.curvature.differences import (
    agreement,
    difference_curvature,
    difference_hvp,
    difference_slope,
    difference_step,
)

RNG = np.random.default_rng(0)
A = RNG.standard_normal((12, 12)) / 3
THETA, V = RNG.standard_normal(12), RNG.standard_normal(12)


# L = Σ log cosh(Aθ): ∇L = Aᵀ tanh(Aθ), H = Aᵀ diag(1 − tanh²) A.
def loss(theta):
    return float(np.log(np.cosh(A @ theta)).sum())


def gradient(theta):
    return A.T @ np.tanh(A @ theta)


def single_gradient(theta):
    a, t = A.astype(np.float32), theta.astype(np.float32)
    return a.T @ np.tanh(a @ t)


def exact(v):
    return A.T @ ((1 - np.tanh(A @ THETA) ** 2) * (A @ v))


# Truncation and rounding are each of the order ε^{2/3}, times derivatives that are of order 1 here: 4e-11 and
# 2.4e-5; ten times that.
@pytest.mark.parametrize(
    ("slope", "dtype"), [(gradient, np.float64), (single_gradient, np.float32)], ids=["float64", "float32"]
)
def test_difference_of_gradients_is_the_hessian_vector_product(slope, dtype):
    found = difference_hvp(slope, THETA, V, dtype=dtype)

    assert np.linalg.norm(found - exact(V)) <= 10 * difference_step(dtype) ** 2 * np.linalg.norm(exact(V))


def test_length_of_the_direction_scales_the_product_alone():
    assert np.allclose(difference_hvp(gradient, THETA, 1e6 * V), 1e6 * exact(V), rtol=1e-8)
    assert not difference_hvp(gradient, THETA, np.zeros(12)).any()


def test_the_true_product_agrees_and_a_part_of_it_does_not():
    assert agreement(exact(V), gradient, THETA, V).agreed
    for wrong in (np.zeros(12), 0.9 * exact(V), A.T @ (A @ V), np.full(12, np.nan)):
        found = agreement(wrong, gradient, THETA, V)
        assert found.decided
        assert not found.agreed
    assert agreement(np.zeros(12), gradient, THETA, V).error == pytest.approx(1.0)


def test_a_linear_loss_agrees_with_zero_curvature():
    assert agreement(np.zeros(12), lambda theta: V, THETA, V).agreed


def test_differences_across_kinks_decide_nothing():
    # The slope of |θ| steps at 0 just beside the point: the difference is 1/h, whatever the derivative, 0.
    found = agreement(np.zeros(1), np.sign, np.array([1e-9]), np.ones(1))

    assert not found.decided


def test_losses_alone_give_slope_and_curvature_along_a_direction():
    assert difference_slope(loss, THETA, V) == pytest.approx(gradient(THETA) @ V, rel=1e-8)
    # h² + ε/h² with h = 4 ε^{1/4}: 2.4e-7 and 9e-10, times fourth derivatives over second of order 1.
    assert difference_curvature(loss, THETA, V) == pytest.approx(V @ exact(V) / (V @ V), rel=1e-5)
    assert np.isnan(difference_curvature(loss, THETA, np.zeros(12)))
    assert difference_slope(loss, THETA, np.zeros(12)) == 0.0


def test_shapes_and_steps_that_can_not_be_are_refused():
    with pytest.raises(EstimatorError, match="one shape"):
        difference_hvp(gradient, THETA, V[:3])
    with pytest.raises(EstimatorError, match="h must be positive"):
        difference_hvp(gradient, THETA, V, h=0.0)
