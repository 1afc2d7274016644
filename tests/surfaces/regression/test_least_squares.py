"""Least squares against linear algebra."""

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.noise import Minibatch
from sdesim.surfaces import LeastSquares, hessian

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


def test_it_starts_where_it_is_told_to():
    surface = LeastSquares(A, B[:, None], start=np.arange(5.0))

    np.testing.assert_array_equal(surface.start, np.arange(5.0))
    np.testing.assert_array_equal(surface.b, B)
    assert surface == LeastSquares(A, B, start=np.arange(5.0))
    np.testing.assert_array_equal(LeastSquares(A, B).start, np.zeros(5))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: LeastSquares(A, B[:3]), r"b: found shape \(3,\), allowed: \(12,\)"),
        (lambda: LeastSquares(B, B), "A: found .* allowed: rows of numbers"),
        (lambda: LeastSquares(A, B, ridge=-1), "ridge: found -1, allowed: a number of at least 0"),
        (lambda: LeastSquares(A, np.full(12, np.nan)), "b: found .* allowed: finite numbers"),
        (lambda: LeastSquares(A, B, start=[1.0]), "start: found 1 numbers, allowed: 5"),
        (lambda: LeastSquares(A, B).example_gradients(np.zeros(5), [12]), r"indices must lie in \[0, 12\)"),
    ],
)
def test_wrong_values_are_refused_in_the_user_s_words(make, words):
    with pytest.raises(SdesimError, match=words):
        make()
