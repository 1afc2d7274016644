"""Data sets: sizes, splits and label noise."""

import numpy as np
import pytest

from sdesim.data import digits, modular_addition
from sdesim.errors import SdesimError


def test_digits_split_is_disjoint_scaled_and_deterministic():
    a, b, c = digits(1000, 797, seed=3), digits(1000, 797, seed=3), digits(1000, 797, seed=4)

    np.testing.assert_array_equal(a.x_train, b.x_train)
    assert not np.array_equal(a.x_train, c.x_train)
    assert a.x_train.min() == 0.0
    assert a.x_train.max() == 1.0
    assert len(np.unique(np.vstack([a.x_train, a.x_test]), axis=0)) == 1797
    assert (a.features, a.classes) == (64, 10)


def test_label_noise_changes_exactly_the_asked_share_of_training_labels():
    clean, noisy = digits(600, 200, seed=1), digits(600, 200, seed=1, label_noise=0.1)

    assert np.sum(clean.y_train != noisy.y_train) == 60
    np.testing.assert_array_equal(clean.x_train, noisy.x_train)
    np.testing.assert_array_equal(clean.y_test, noisy.y_test)


def test_chosen_classes_are_relabelled_in_order():
    data = digits(100, 50, classes=[7, 1])

    assert set(data.y_train) == {0, 1}


def test_modular_addition_holds_every_pair_once():
    data = modular_addition(7, 0.5, seed=2)

    x, y = np.vstack([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
    a, b = x[:, :7].argmax(axis=1), x[:, 7:].argmax(axis=1)
    assert len(data.x_train) == 24
    assert len({*zip(a.tolist(), b.tolist(), strict=True)}) == 49
    np.testing.assert_array_equal(y, (a + b) % 7)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: digits(1700, 100), "at most 1797"),
        (lambda: digits(10, 10, label_noise=1.5), "label_noise must be in"),
        (lambda: digits(10, 10, classes=[3, 12]), "classes must be different digits"),
        (lambda: modular_addition(7, 1.0), "fraction must leave pairs"),
        (lambda: modular_addition(1, 0.5), "p must be at least 2"),
    ],
)
def test_wrong_arguments_are_named(make, words):
    with pytest.raises(SdesimError, match=words):
        make()
