"""Random features against least squares, and their double descent."""

import numpy as np
import pytest

from sdesim.data import Digits, TeacherStudent
from sdesim.errors import SdesimError
from sdesim.surfaces import LeastSquares, RandomFeatures

RNG = np.random.default_rng(3)
A, B = RNG.standard_normal((12, 5)), RNG.standard_normal(12)


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


def test_a_data_set_s_classes_become_signs_and_its_test_examples_are_evaluated():
    data = Digits(train=40, test=30)
    found = data.load()
    surface = RandomFeatures(6, data=data, seed=1)
    by_hand = RandomFeatures(6, found.x_train, np.where(found.y_train >= 5, 1.0, -1.0), seed=1)
    theta = RNG.standard_normal(6)

    values = surface.evaluation().values(theta[None])

    assert (surface.dim, surface.examples, surface.wells) == (6, 40, ("minimum",))
    np.testing.assert_array_equal(surface.grad(theta), by_hand.grad(theta))
    targets = np.where(found.y_test >= 5, 1.0, -1.0)
    assert values["test_loss"][0] == pytest.approx(surface.test_loss(theta, found.x_test, targets))
    hits = (surface.predict(theta, found.x_test) > 0) == (targets > 0)
    assert values["test_accuracy"][0] == pytest.approx(np.mean(hits))
    assert by_hand.evaluation().values(theta[None]) == {}
    assert TeacherStudent(train=20).load().y_train[:, 0] == pytest.approx(
        RandomFeatures(3, data=TeacherStudent(train=20)).b
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: RandomFeatures(4, A, B, activation="sine"), "activation: found 'sine', allowed: relu, tanh"),
        (lambda: RandomFeatures(0, A, B), "features: found 0, allowed: a number of at least 1"),
        (lambda: RandomFeatures(4, A, B[:2]), r"y: found shape \(2,\), allowed: \(12,\)"),
        (lambda: RandomFeatures(4, B, B), r"x: found shape \(12,\), allowed: \(n, p\)"),
        (lambda: RandomFeatures(4, A), "data: missing"),
        (lambda: RandomFeatures(4, A, B, data="digits"), "data: found data beside x and y"),
        (lambda: RandomFeatures(4, data=TeacherStudent(outputs=2)), r"data.outputs: found 2, allowed: 1"),
        (lambda: RandomFeatures(4, A, B).predict(np.zeros(4), A[:, :2]), r"x must be \(n, 5\)"),
    ],
)
def test_wrong_values_are_refused_in_the_user_s_words(make, words):
    with pytest.raises(SdesimError, match=words):
        make()
