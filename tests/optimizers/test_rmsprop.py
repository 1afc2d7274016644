"""RMSprop by its recipe: the first step by hand."""

import pytest

from sdesim.optimizers import RMSprop

torch = pytest.importorskip("torch")


def moved(recipe, gradient):
    theta = torch.nn.Parameter(torch.tensor([1.0], dtype=torch.float64))
    theta.grad = torch.tensor([gradient], dtype=torch.float64)
    recipe.build([theta]).step()
    return theta.item()


def test_the_first_step_is_that_of_the_formula():
    # v = (1 − α) g² = 0.25·16, so that the step is η g/√v = 0.5·4/2.
    assert moved(RMSprop(0.5, alpha=0.75, eps=1e-12), 4.0) == pytest.approx(1.0 - 1.0, abs=1e-11)
