"""AdamW by its recipe."""

import pytest

from sdesim.optimizers import Adam, AdamW

torch = pytest.importorskip("torch")


def moved(recipe):
    theta = torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    theta.grad = torch.zeros(2, dtype=torch.float64)
    recipe.build([theta]).step()
    return theta.tolist()


def test_without_a_gradient_the_decay_shrinks_the_weights_by_its_share():
    # θ ← (1 − η w) θ.
    assert moved(AdamW(0.25, weight_decay=0.5)) == [0.875, -1.75]
    assert moved(Adam(0.25, eps=1e-12, weight_decay=0.5)) == pytest.approx([0.75, -1.75], rel=1e-10)
