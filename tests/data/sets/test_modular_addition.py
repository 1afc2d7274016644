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


def test_tokens_are_the_same_pairs_in_the_same_split():
    codes, tokens = modular_addition(7, 0.5, 2), modular_addition(7, 0.5, 2, "tokens", equals=True)

    a, b = codes.x_train[:, :7].argmax(axis=1), codes.x_train[:, 7:].argmax(axis=1)
    np.testing.assert_array_equal(tokens.x_train, np.stack([a, b, np.full(24, 7)], axis=1))
    np.testing.assert_array_equal(tokens.y_test, codes.y_test)
    assert (tokens.vocabulary, tokens.outputs, codes.vocabulary) == (8, 7, None)
