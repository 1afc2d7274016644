"""Adadelta by its recipe: the first step by hand."""

import pytest

from sdesim.optimizers import Adadelta

torch = pytest.importorskip("torch")


def test_the_first_step_is_that_of_the_formula():
    theta = torch.nn.Parameter(torch.tensor([1.0], dtype=torch.float64))
    theta.grad = torch.tensor([4.0], dtype=torch.float64)

    Adadelta(0.5, rho=0.75, eps=1.0).build([theta]).step()

    # v = ¼·16 = 4 and u = 0: Δ = √(1/(4 + 1))·4.
    assert theta.item() == pytest.approx(1.0 - 0.5 * 4.0 / 5.0**0.5, rel=1e-12)
