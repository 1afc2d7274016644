"""Small networks, and the bridge from a torch network to the surface of the same loss."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from sdesim.networks.fully_connected import Quadratic, as_dense, one_hot, one_hot_mse


def test_one_hot_codes_and_their_squared_error():
    codes = one_hot(torch.tensor([1, 0]), 2, torch.float64)

    assert codes.tolist() == [[0.0, 1.0], [1.0, 0.0]]
    # Differences 1, 1, 0 and 2.
    assert one_hot_mse(torch.tensor([[1.0, 2.0], [1.0, 2.0]]), torch.tensor([1, 0])).item() == 1.5


def test_a_chain_of_linear_layers_is_recognised_and_nothing_else():
    chain = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)).double()
    other = nn.Sequential(nn.Linear(4, 3), nn.Sigmoid(), nn.Linear(3, 2)).double()

    dense = as_dense(chain, cross_entropy)

    assert (dense.widths, dense.bias) == ((4, 3, 2), True)
    assert as_dense(other, cross_entropy) is None


def test_the_quadratic_activation_is_the_square():
    assert Quadratic()(torch.tensor([-3.0, 0.5])).tolist() == pytest.approx([9.0, 0.25])
