"""Training and test examples as arrays."""

import numpy as np
import pytest

from sdesim.data import Dataset
from sdesim.data.dataset import IGNORED, check_noisy_classes, flip_labels
from sdesim.errors import SdesimError
from sdesim.kinds import Misfit


def test_sizes_are_read_off_the_arrays():
    x = np.zeros((3, 2))
    labels = Dataset(x, np.array([0, 1, 1]), x[:1], np.array([4]))
    targets = Dataset(x, np.zeros((3, 6)), x[:0], np.zeros((0, 6)))

    assert (labels.features, labels.labelled, labels.classes, labels.outputs) == (2, True, 5, 5)
    assert (targets.features, targets.labelled, targets.classes, targets.outputs) == (2, False, 0, 6)


def test_an_arrangement_fits_the_features_and_places_have_whole_labels():
    x, y = np.zeros((3, 6)), np.array([[0, 1], [IGNORED, 2], [1, 1]])

    placed = Dataset(x, y, x[:0], y[:0], shape=(1, 2, 3), positions=2)

    assert (placed.shape, placed.labelled, placed.outputs) == ((1, 2, 3), True, 3)
    assert Dataset(x, y, x[:0], y[:0]).shape == (6,)
    with pytest.raises(SdesimError, match=r"^the shape \(2, 4\) is not of 6 features$"):
        Dataset(x, y, x[:0], y[:0], shape=(2, 4))
    for wrong in (y[:, :1], y.astype(float)):
        with pytest.raises(SdesimError, match=r"^labels of 2 positions are whole \(n, 2\), got "):
            Dataset(x, wrong, x[:0], y[:0], positions=2)


def test_flipped_labels_are_as_many_as_asked_and_all_of_another_class():
    labels = np.arange(50) % 3

    flipped = flip_labels(labels, 0.3, 3, np.random.default_rng(0))

    assert (flipped != labels).sum() == 15
    assert set(flipped.tolist()) == {0, 1, 2}
    np.testing.assert_array_equal(labels, np.arange(50) % 3)


def test_noise_on_a_single_class_is_refused_where_it_would_change_a_label():
    check_noisy_classes(0.01, 40, 1)
    with pytest.raises(Misfit, match=r"^label_noise: found 0.5, allowed: 0 for a single class$"):
        check_noisy_classes(0.5, 40, 1)
