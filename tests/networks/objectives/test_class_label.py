"""The label as a target."""

import math

import pytest

from sdesim.networks.objectives import ClassLabel

torch = pytest.importorskip("torch")


def test_it_is_minus_the_log_of_the_probability_of_the_label():
    log_p = torch.tensor([[0.25, 0.75], [0.5, 0.5]], dtype=torch.float64).log()

    loss = ClassLabel().loss(log_p, torch.tensor([0, 1]))

    assert loss.item() == pytest.approx((math.log(4) + math.log(2)) / 2, rel=1e-12)
