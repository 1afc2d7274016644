"""Adamax by its recipe: the first step by hand."""

import pytest

from sdesim.optimizers import Adamax

torch = pytest.importorskip("torch")


def moved(recipe, gradient):
    theta = torch.nn.Parameter(torch.tensor([1.0], dtype=torch.float64))
    theta.grad = torch.tensor([gradient], dtype=torch.float64)
    recipe.build([theta]).step()
    return theta.item()


def test_the_first_step_is_that_of_the_formula():
    # m̂ = g and u = |g|: the first step is η whatever g is.
    assert moved(Adamax(0.5, eps=1e-12), 4.0) == pytest.approx(0.5, abs=1e-11)
