"""Equal probabilities of all classes as a target."""

import math

import pytest

from sdesim.networks.objectives import Uniform

torch = pytest.importorskip("torch")


def test_it_is_the_mean_of_minus_log_p_whatever_the_label():
    log_p = torch.tensor([[0.5, 0.25, 0.25]], dtype=torch.float64).log()

    first, last = (Uniform().loss(log_p, torch.tensor([label])).item() for label in (0, 2))

    assert first == last
    assert first == pytest.approx(5 * math.log(2) / 3, rel=1e-12)
