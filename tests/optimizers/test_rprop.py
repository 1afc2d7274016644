"""Rprop by its recipe: its steps by hand, and what it takes."""

import pytest

from sdesim.kinds import Misfit
from sdesim.optimizers import Rprop

torch = pytest.importorskip("torch")


def test_lengths_grow_while_the_sign_stays_and_shrink_where_it_turns():
    theta = torch.nn.Parameter(torch.tensor([1.0], dtype=torch.float64))
    optimizer = Rprop(0.5, etas=(0.25, 2.0)).build([theta])

    found = []
    for gradient in (3.0, 1.0, -1.0, -1.0):
        theta.grad = torch.tensor([gradient], dtype=torch.float64)
        optimizer.step()
        found.append(theta.item())

    # ½, then 1; no step where it turns, and a quarter of the length from there on.
    assert found == [0.5, -0.5, -0.5, -0.25]


def test_the_least_length_comes_first():
    with pytest.raises(Misfit, match=r"^step_sizes: found \[1.0, 0.5\], allowed: the least one first$"):
        Rprop(0.1, step_sizes=(1.0, 0.5))
