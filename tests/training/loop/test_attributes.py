"""What a run says of the training that made it."""

import numpy as np
from torch import nn

from sdesim.training.loop.attributes import layer_sparsity
from tests.training.recorded import sgd, train


def test_sparsity_is_the_share_that_the_mask_takes_of_each_weight_array():
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    mask = np.array([1, 0, 0, 0, 1, 1, 1, 0, 1], dtype=bool)

    assert layer_sparsity(module, mask) == {"0.weight": 0.75, "1.weight": 0.5}


def test_a_run_says_its_rate_batches_and_the_short_last_one():
    attrs = train(steps=2, batch_size=7, optimizer=sgd(0.25, momentum=0.5)).attrs

    n = attrs["dataset_size"]
    assert (attrs["learning_rate"], attrs["momentum"], attrs["batch_size"]) == (0.25, 0.5, 7)
    assert attrs["last_batch"] == n % 7
    assert "untrained_parameters" not in attrs
    assert "probe_every" not in attrs
