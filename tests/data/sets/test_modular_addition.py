"""Sums modulo p."""

import numpy as np

from sdesim.data import modular_addition


def test_modular_addition_holds_every_pair_once():
    data = modular_addition(7, 0.5, seed=2)

    x, y = np.vstack([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
    a, b = x[:, :7].argmax(axis=1), x[:, 7:].argmax(axis=1)
    assert len(data.x_train) == 24
    assert len({*zip(a.tolist(), b.tolist(), strict=True)}) == 49
    np.testing.assert_array_equal(y, (a + b) % 7)
