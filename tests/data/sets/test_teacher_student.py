"""A teacher's answers."""

import numpy as np
import pytest

from sdesim.data import teacher_student


def test_a_teacher_answers_targets_and_disturbs_only_those_of_training():
    clean = teacher_student(300, 100, features=6, hidden=4, outputs=2, seed=1)
    noisy = teacher_student(300, 100, features=6, hidden=4, outputs=2, noise=0.1, seed=1)

    assert not clean.labelled
    assert (clean.features, clean.outputs, clean.y_train.shape) == (6, 2, (300, 2))
    np.testing.assert_array_equal(clean.y_test, noisy.y_test)
    # 600 normal draws: their root mean square has a relative standard error of 1/√1200.
    spread = np.sqrt(np.mean((noisy.y_train - clean.y_train) ** 2))
    assert spread == pytest.approx(0.1, rel=5 / 1200**0.5)


def test_a_teacher_that_classifies_labels_by_its_largest_answer():
    targets = teacher_student(300, 100, outputs=3, seed=1)
    labels = teacher_student(300, 100, outputs=3, task="classification", label_noise=0.1, seed=1)

    assert (labels.labelled, labels.outputs) == (True, 3)
    np.testing.assert_array_equal(labels.y_test, targets.y_test.argmax(axis=1))
    assert np.sum(labels.y_train != targets.y_train.argmax(axis=1)) == 30
