"""What a run says of the training that made it."""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from sdesim.training import mlp, record
from sdesim.training.loop.attributes import layer_sparsity
from tests.training.recorded import DIGITS, sgd, train


def test_sparsity_is_the_share_that_the_mask_takes_of_each_weight_array():
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    mask = np.array([1, 0, 0, 0, 1, 1, 1, 0, 1], dtype=bool)

    assert layer_sparsity(module, mask) == {"0.weight": 0.75, "1.weight": 0.5}


def test_a_run_says_its_rate_and_batches():
    attrs = train(steps=2, batch_size=7, optimizer=sgd(0.25, momentum=0.5)).attrs

    assert (attrs["learning_rate"], attrs["momentum"], attrs["batch_size"]) == (0.25, 0.5, 7)
    assert (attrs["dataset_size"], attrs["sampling"]) == (60, "epoch")
    # Of arrays, incomplete batches are dropped; without probes there is nothing to say of them.
    assert not {"last_batch", "untrained_parameters", "probe_every", "layer_sparsity"} & set(attrs)


def test_a_loader_that_keeps_its_short_last_batch_says_its_size():
    pairs = TensorDataset(torch.as_tensor(DIGITS.x_train), torch.as_tensor(DIGITS.y_train).long())
    loader = DataLoader(pairs, batch_size=7)

    run = record(mlp([64, 2, 10], seed=0), cross_entropy, loader, None, sgd(), steps=2, progress=False)

    assert run.attrs["last_batch"] == 60 % 7
