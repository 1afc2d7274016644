"""RAdam by its recipe: the first step by hand."""

import pytest

from sdesim.optimizers import RAdam

torch = pytest.importorskip("torch")


def moved(recipe, gradient):
    theta = torch.nn.Parameter(torch.tensor([1.0], dtype=torch.float64))
    theta.grad = torch.tensor([gradient], dtype=torch.float64)
    recipe.build([theta]).step()
    return theta.item()


def test_the_first_step_is_that_of_the_formula():
    # With a mean of one g² the variance is not known: the step is η m̂ = η g.
    assert moved(RAdam(0.25), 4.0) == pytest.approx(0.0, abs=1e-12)
    assert RAdam(0.1, decoupled_weight_decay=True).decoupled_decay
