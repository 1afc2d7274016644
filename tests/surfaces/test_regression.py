"""Least squares and random features against linear algebra, and their double descent."""

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.noise import Minibatch
from sdesim.surfaces import LeastSquares, RandomFeatures, hessian

RNG = np.random.default_rng(3)
A, B = RNG.standard_normal((12, 5)), RNG.standard_normal(12)


def test_minimum_is_that_of_the_normal_equations_with_and_without_ridge():
    for ridge in (0.0, 0.2):
        surface = LeastSquares(A, B, ridge)

        expected = np.linalg.solve(A.T @ A / 12 + ridge * np.eye(5), A.T @ B / 12)

        np.testing.assert_allclose(surface.minima()[0], expected, atol=1e-12)
        np.testing.assert_allclose(
            hessian(surface, np.zeros(5)), A.T @ A / 12 + ridge * np.eye(5), atol=1e-13
        )
    assert LeastSquares(A, B).loss(np.zeros(5)) == pytest.approx(B @ B / 24)


def test_with_fewer_examples_than_coordinates_the_minimum_is_the_shortest_interpolation():
    surface = LeastSquares(A.T, B[:5])

    theta = surface.minima()[0]

    np.testing.assert_allclose(A.T @ theta, B[:5], atol=1e-12)
    np.testing.assert_allclose(theta, A @ np.linalg.solve(A.T @ A, B[:5]), atol=1e-12)


def test_minibatch_noise_has_the_covariance_of_the_example_gradients():
    surface = LeastSquares(A, B)
    noise = Minibatch(surface, batch_size=3, learning_rate=0.1, law="subsample")
    theta, n = np.ones(5), 20_000

    draws = noise.gradient_noise(theta, 0.1, n, np.random.default_rng(0))

    rows = surface.example_gradients(theta)
    variance = rows.var(axis=0) / 3
    # Five standard errors of a mean; of a variance √((κ − 1)/n) with kurtosis κ below 6 here.
    np.testing.assert_allclose(draws.mean(axis=0), 0.0, atol=5 * np.sqrt(variance.max() / n))
    np.testing.assert_allclose(draws.var(axis=0), variance, rtol=5 * np.sqrt(5 / n))


def test_random_features_are_least_squares_on_a_scaled_random_layer():
    surface = RandomFeatures(7, A, B, activation="relu", ridge=0.1, seed=4)
    theta = RNG.standard_normal((2, 7))

    features = np.maximum(A @ surface.weights.T / np.sqrt(5), 0) / np.sqrt(7)

    np.testing.assert_allclose(surface.predict(theta, A), theta @ features.T)
    np.testing.assert_allclose(surface.loss(theta), LeastSquares(features, B, 0.1).loss(theta))
    np.testing.assert_allclose(
        surface.test_loss(theta, A, B) + 0.05 * np.sum(theta**2, axis=1), surface.loss(theta)
    )
    wide = RandomFeatures(9, A, B, seed=4)
    np.testing.assert_array_equal(wide.weights[:7], surface.weights)


def test_error_of_the_shortest_interpolation_peaks_where_features_equal_examples():
    errors = {}
    for width in (10, 50, 400):
        found = []
        for seed in range(9):
            rng = np.random.default_rng(seed)
            x, fresh, w = rng.standard_normal((50, 8)), rng.standard_normal((500, 8)), rng.standard_normal(8)
            surface = RandomFeatures(width, x, x @ w + 0.5 * rng.standard_normal(50), seed=seed)
            found.append(surface.test_loss(surface.minima()[0], fresh, fresh @ w))
        errors[width] = np.median(found)

    assert errors[50] > 3 * errors[10]
    assert errors[50] > 3 * errors[400]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: LeastSquares(A, B[:3]), r"b must be \(12,\), got shape \(3,\)"),
        (lambda: LeastSquares(B, B), r"A must be \(n, d\)"),
        (lambda: LeastSquares(A, B, ridge=-1), "ridge must be at least 0, got -1"),
        (lambda: LeastSquares(A, np.full(12, np.nan)), "b must be finite"),
        (lambda: LeastSquares(A, B).example_gradients(np.zeros(5), [12]), r"indices must lie in \[0, 12\)"),
        (lambda: RandomFeatures(4, A, B, activation="sine"), "activation must be one of relu, tanh"),
        (lambda: RandomFeatures(0, A, B), "features must be at least 1, got 0"),
        (lambda: RandomFeatures(4, A, B[:2]), r"y must be \(12,\)"),
        (lambda: RandomFeatures(4, A, B).predict(np.zeros(4), A[:, :2]), r"x must be \(n, 5\)"),
    ],
)
def test_wrong_values_are_refused(make, words):
    with pytest.raises(SdesimError, match=words):
        make()
