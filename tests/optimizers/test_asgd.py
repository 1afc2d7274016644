"""ASGD by its recipe: two steps by hand."""

import pytest

from sdesim.optimizers import ASGD

torch = pytest.importorskip("torch")


def test_steps_are_those_of_the_formula():
    theta = torch.nn.Parameter(torch.tensor([1.0], dtype=torch.float64))
    optimizer = ASGD(0.5, lambd=0.5, alpha=1.0).build([theta])

    theta.grad = torch.tensor([1.0], dtype=torch.float64)
    optimizer.step()
    # (1 − ¼)·1 − ½·1, then η = ½/(1 + ¼).
    assert theta.item() == pytest.approx(0.25, rel=1e-12)
    optimizer.step()
    # Torch keeps its rate in single precision.
    assert theta.item() == pytest.approx(0.25 * (1 - 0.5 * 0.4) - 0.4, rel=1e-6)
