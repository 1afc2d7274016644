"""Whether the label is even as a target."""

import math

import pytest

from sdesim.networks.objectives import Parity

torch = pytest.importorskip("torch")


def test_classes_of_the_labels_parity_count_together():
    log_p = torch.tensor([[0.25, 0.125, 0.5, 0.125]] * 2, dtype=torch.float64).log()

    # 3/4 for the even label 0, 1/4 for the odd label 3.
    loss = Parity().loss(log_p, torch.tensor([0, 3]))

    assert loss.item() == pytest.approx((math.log(4 / 3) + math.log(4)) / 2, rel=1e-12)
