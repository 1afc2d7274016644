"""Images of digits: sizes, splits and label noise."""

import numpy as np

from sdesim.data import digits


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
