"""Products of permutations."""

import itertools

import numpy as np

from sdesim.data import permutations


def test_permutations_hold_every_pair_once_and_compose():
    data = permutations(4, 0.5, seed=2)

    group = list(itertools.permutations(range(4)))
    x, y = np.vstack([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
    a, b = x[:, :24].argmax(axis=1), x[:, 24:].argmax(axis=1)
    assert len(data.x_train) == 288
    assert len({*zip(a.tolist(), b.tolist(), strict=True)}) == 576
    for i, j, label in zip(a, b, y, strict=True):
        assert group[label] == tuple(group[i][k] for k in group[j])


def test_permutations_of_five_are_14400_pairs_in_120_classes():
    data = permutations(5, 0.3)

    assert (data.features, data.classes, len(data.x_train) + len(data.x_test)) == (240, 120, 14_400)
