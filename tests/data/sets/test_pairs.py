"""Tasks on all pairs of elements of a finite set."""

import numpy as np
import pytest

from sdesim.data.sets.pairs import Code, split_pairs, training_pairs
from sdesim.kinds import Misfit


def test_training_pairs_are_the_whole_share_rounded_down():
    assert training_pairs(0.5, 3) == 4
    for none_left in (0.1, 1.0):
        with pytest.raises(Misfit, match=r"^fraction: found .* of 9 pairs"):
            training_pairs(none_left, 3)


def test_every_pair_keeps_its_own_label_when_it_is_split():
    a, b = np.divmod(np.arange(9), 3)

    data = split_pairs(Code(3, "one-hot", False).written(a, b), np.arange(9), 5, seed=1)

    x, y = np.vstack([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
    assert (len(data.x_train), len(data.x_test)) == (5, 4)
    assert sorted(y.tolist()) == list(range(9))
    np.testing.assert_array_equal(x, np.hstack([np.eye(3)[y // 3], np.eye(3)[y % 3]]))


def test_a_pair_is_two_one_hot_codes_or_two_tokens_or_these_and_an_equals_sign():
    a, b = np.array([2, 0]), np.array([1, 1])
    one_hot, tokens = Code(3, "one-hot", False), Code(3, "tokens", False)

    assert (one_hot.features, one_hot.vocabulary, tokens.features, tokens.vocabulary) == (6, None, 2, 3)
    np.testing.assert_array_equal(one_hot.written(a, b), [[0, 0, 1, 0, 1, 0], [1, 0, 0, 0, 1, 0]])
    np.testing.assert_array_equal(tokens.written(a, b), [[2, 1], [0, 1]])
    equals = Code(3, "tokens", True)
    assert (equals.features, equals.vocabulary) == (3, 4)
    np.testing.assert_array_equal(equals.written(a, b), [[2, 1, 3], [0, 1, 3]])
    with pytest.raises(Misfit, match=r"^equals: found true, allowed: false for encoding: one-hot$"):
        Code(3, "one-hot", True)
