"""Adafactor by its recipe: the first step by hand."""

import pytest

from sdesim.optimizers import Adafactor

torch = pytest.importorskip("torch")


def test_the_first_step_is_that_of_the_formula():
    theta = torch.nn.Parameter(torch.tensor([[3.0, 4.0]], dtype=torch.float64))
    theta.grad = torch.tensor([[1.0, 2.0]], dtype=torch.float64)

    Adafactor(0.5, weight_decay=0.5).build([theta]).step()

    # β₂ = 0 at t = 1. One row: v is g² itself, so u = (1, 1) with rms 1; ρ = min(½, 1), a = rms(θ) = √12.5.
    expected = [0.75 * 3.0 - 0.5 * 12.5**0.5, 0.75 * 4.0 - 0.5 * 12.5**0.5]
    assert theta.tolist()[0] == pytest.approx(expected, rel=1e-6)
