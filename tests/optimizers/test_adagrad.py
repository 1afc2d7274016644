"""Adagrad by its recipe: the first step by hand."""

import pytest

from sdesim.optimizers import Adagrad

torch = pytest.importorskip("torch")


def moved(recipe, gradient):
    theta = torch.nn.Parameter(torch.tensor([1.0], dtype=torch.float64))
    theta.grad = torch.tensor([gradient], dtype=torch.float64)
    recipe.build([theta]).step()
    return theta.item()


def test_the_first_step_is_that_of_the_formula():
    # v = 9 + 16, the step η g/√v.
    assert moved(Adagrad(0.5, initial_accumulator_value=9.0), 4.0) == pytest.approx(1.0 - 0.4, abs=1e-9)
