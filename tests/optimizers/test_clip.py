"""Clipping by its recipe."""

import pytest

from sdesim.kinds import Misfit
from sdesim.optimizers import Clip

torch = pytest.importorskip("torch")


def cut(clip, *gradients):
    parameters = [torch.nn.Parameter(torch.zeros(len(g), dtype=torch.float64)) for g in gradients]
    for p, g in zip(parameters, gradients, strict=True):
        p.grad = torch.tensor(g, dtype=torch.float64)
    parameters.append(torch.nn.Parameter(torch.zeros(2)))
    found = clip.cut(parameters)
    return found, [p.grad.tolist() for p in parameters if p.grad is not None]


def test_a_norm_is_of_all_gradients_together_and_keeps_their_direction():
    # The norm is 5; torch divides by 5 + 1e−6.
    found, gradients = cut(Clip(norm=2.5), [3.0, 0.0], [4.0])

    assert found
    assert gradients[0] == pytest.approx([1.5, 0.0], rel=1e-6)
    assert gradients[1] == pytest.approx([2.0], rel=1e-6)
    assert cut(Clip(norm=5.1), [3.0, 0.0], [4.0]) == (False, [[3.0, 0.0], [4.0]])


def test_a_value_bounds_each_number():
    assert cut(Clip(value=2.0), [3.0, -1.0], [-4.0]) == (True, [[2.0, -1.0], [-2.0]])
    assert cut(Clip(value=4.0), [3.0, -1.0], [-4.0]) == (False, [[3.0, -1.0], [-4.0]])


@pytest.mark.parametrize("fields", [{}, {"norm": 1.0, "value": 1.0}])
def test_it_is_either_of_both(fields):
    with pytest.raises(Misfit, match=r"found (neither|both) of norm and value, allowed: one of them"):
        Clip(**fields)


@pytest.mark.parametrize("clip", [Clip(norm=2.5), Clip(value=2.0)])
def test_rows_are_cut_as_whole_gradients_are(clip):
    rows = [[3.0, 0.0, 4.0], [0.5, -0.2, 0.1], [-9.0, 1.0, 2.5]]

    found = clip.cut_rows(torch.tensor(rows, dtype=torch.float64).numpy())

    for row, cut_row in zip(rows, found, strict=True):
        assert cut_row.tolist() == pytest.approx(cut(clip, row)[1][0], rel=1e-12)
