"""Tasks on all pairs of elements of a finite set."""

import numpy as np
import pytest

from sdesim.data.sets.pairs import split_pairs, training_pairs
from sdesim.kinds import Misfit


def test_training_pairs_are_the_whole_share_rounded_down():
    assert training_pairs(0.5, 3) == 4
    for none_left in (0.1, 1.0):
        with pytest.raises(Misfit, match=r"^fraction: found .* of 9 pairs"):
            training_pairs(none_left, 3)


def test_every_pair_is_two_one_hot_codes_with_its_own_label():
    a, b = np.divmod(np.arange(9), 3)

    data = split_pairs(a, b, np.arange(9), 3, 5, seed=1)

    x, y = np.vstack([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
    assert (len(data.x_train), len(data.x_test)) == (5, 4)
    assert sorted(y.tolist()) == list(range(9))
    np.testing.assert_array_equal(x, np.hstack([np.eye(3)[y // 3], np.eye(3)[y % 3]]))
