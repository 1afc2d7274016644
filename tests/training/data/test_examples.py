"""The order in which examples are drawn."""

import numpy as np
import torch
from scipy.stats import chi2

from sdesim.training.data.examples import Batches, Examples, Order
from tests.training.data.weighted import Q, X, Y


def test_training_draws_each_example_with_its_probability():
    examples = Examples(X, Y, torch.as_tensor(Q))
    batches = Batches(examples, Order(500, "weighted", True), torch.Generator().manual_seed(0))

    drawn = np.bincount(torch.cat([batches.next() for _ in range(100)]).numpy(), minlength=40)

    # χ² of 50,000 draws, false alarm 1e-6.
    expected = 50_000 * Q
    assert ((drawn - expected) ** 2 / expected).sum() < chi2.isf(1e-6, 39)
