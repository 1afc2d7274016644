"""Examples shared out among clients."""

from __future__ import annotations

import numpy as np
import pytest

from sdesim.data import digits, partition
from sdesim.errors import SdesimError


@pytest.mark.parametrize("concentration", [1e-3, 0.1, 1.0, 1e6])
def test_every_example_belongs_to_one_client_and_every_client_has_enough(concentration):
    y = digits(1000, 0, 0).y_train

    clients = partition(y, 8, concentration, 16, np.random.default_rng(0))

    assert sorted(np.concatenate(clients)) == list(range(1000))
    assert min(map(len, clients)) >= 16
    largest = [np.bincount(y[rows], minlength=10).max() / len(rows) for rows in clients]
    # Evenly shared, a class is a tenth of every client, of 125 examples; unevenly, a client has few classes.
    assert (np.mean(largest) < 0.2) == (concentration > 1)


@pytest.mark.parametrize("wrong", [(0, 1.0, 1), (2, 0.0, 1), (2, np.inf, 1), (2, 1.0, 0), (11, 1.0, 1)])
def test_a_partition_that_can_not_be_is_refused(wrong):
    clients, concentration, least = wrong
    with pytest.raises(SdesimError, match=r"must be at least 1|need more than 10"):
        partition(np.zeros(10), clients, concentration, least, np.random.default_rng(0))
