"""Cross-entropy of class labels."""

import math

import pytest

from sdesim.data import Chebyshev, Digits
from sdesim.networks.losses import CrossEntropy

torch = pytest.importorskip("torch")


def test_it_is_the_mean_of_minus_the_log_of_the_probability_of_the_label():
    # Probabilities 1/4, 3/4 and 1/2, 1/2.
    outputs = torch.tensor([[0.0, math.log(3.0)], [1.0, 1.0]], dtype=torch.float64)

    loss = CrossEntropy().function(Digits(20, 0))(outputs, torch.tensor([1, 0]))

    assert loss.item() == pytest.approx((math.log(4 / 3) + math.log(2)) / 2, rel=1e-12)


def test_targets_are_refused():
    assert CrossEntropy().misfit(Digits(20, 0)) == ""
    assert CrossEntropy().misfit(Chebyshev()).startswith("found 'cross_entropy', allowed: mse")
