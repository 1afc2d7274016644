"""Mean squared error."""

import pytest

from sdesim.data import Chebyshev, Digits
from sdesim.networks.losses import MSE

torch = pytest.importorskip("torch")


def test_of_targets_it_is_the_mean_square_without_a_half():
    z, y = torch.tensor([[1.0], [4.0]]), torch.tensor([[0.0], [1.0]])

    assert MSE().function(Chebyshev())(z, y).item() == 5.0


def test_labels_are_one_hot_codes():
    z = torch.tensor([[1.0, 2.0], [0.0, 3.0]])

    # Differences from the codes (0, 1) of both labels: 1, 1, 0 and 2.
    assert MSE().function(Digits(20, 0))(z, torch.tensor([1, 1])).item() == 1.5
    assert MSE().answers([1, 0], 2).tolist() == [[0.0, 1.0], [1.0, 0.0]]
