"""Training and test examples as arrays."""

import numpy as np
import pytest

from sdesim.data import Dataset
from sdesim.data.dataset import check_noisy_classes, flip_labels
from sdesim.kinds import Misfit


def test_sizes_are_read_off_the_arrays():
    x = np.zeros((3, 2))
    labels = Dataset(x, np.array([0, 1, 1]), x[:1], np.array([4]))
    targets = Dataset(x, np.zeros((3, 6)), x[:0], np.zeros((0, 6)))

    assert (labels.features, labels.labelled, labels.classes, labels.outputs) == (2, True, 5, 5)
    assert (targets.features, targets.labelled, targets.classes, targets.outputs) == (2, False, 0, 6)


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
