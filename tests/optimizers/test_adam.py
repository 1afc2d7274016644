"""Adam by its recipe."""

import pytest

from sdesim.optimizers import Adam

torch = pytest.importorskip("torch")


def test_the_first_step_is_the_learning_rate_along_the_sign_of_the_gradient():
    theta = torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    theta.grad = torch.tensor([3.0, -0.5], dtype=torch.float64)

    Adam(0.25, eps=1e-12).build([theta]).step()

    # m̂ = g and √v̂ = |g|, so that the step is η g/(|g| + eps).
    assert theta.tolist() == pytest.approx([0.75, -1.75], rel=1e-10)
