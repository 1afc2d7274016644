"""NAdam by its recipe: the first step by hand."""

import pytest

from sdesim.optimizers import NAdam

torch = pytest.importorskip("torch")


def moved(recipe, gradient):
    theta = torch.nn.Parameter(torch.tensor([1.0], dtype=torch.float64))
    theta.grad = torch.tensor([gradient], dtype=torch.float64)
    recipe.build([theta]).step()
    return theta.item()


def test_the_first_step_is_that_of_the_formula():
    # μ₁ = β₁(1 − ½ 0.96^ψ), μ₂ the same at t = 2; with ψ = 0 both are β₁/2 = ¼. v̂ = g², and the step is
    # η ((1 − μ₁)/(1 − μ₁) + μ₂ (1 − β₁)/(1 − μ₁ μ₂)) = η (1 + ¼·½·16/15).
    found = moved(NAdam(0.3, betas=(0.5, 0.9), eps=1e-12, momentum_decay=0.0), 4.0)
    assert found == pytest.approx(1.0 - 0.3 * (1.0 + 2.0 / 15.0), abs=1e-9)
    assert NAdam(0.1, decoupled_weight_decay=True).decoupled_decay
    assert not NAdam(0.1).decoupled_decay


def test_what_torch_counts_is_told_by_the_number_of_steps():
    theta = torch.nn.Parameter(torch.ones(1, dtype=torch.float64))
    recipe = NAdam(0.1, momentum_decay=0.5)
    optimizer, equation = recipe.build([theta]), recipe.sde()
    for step in range(1, 5):
        theta.grad = torch.ones_like(theta)
        optimizer.step()
        held = float(optimizer.state[theta]["mu_product"])
        # Torch keeps it in float32.
        assert equation.counted(0.1, float(step))["mu_product"] == pytest.approx(held, rel=1e-6)
