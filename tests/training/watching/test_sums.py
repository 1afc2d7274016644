"""Sums over gradients."""

import pytest
import torch

from sdesim.training.watching.sums import dots, fetched, squares, stacked


def drawn(n, seed=0):
    return torch.randn(n, generator=torch.Generator().manual_seed(seed)) + 3.0


def test_long_sums_of_float32_keep_seven_digits():
    a, b = drawn(1_000_003), drawn(1_000_003, 1)
    exact = a.double() @ a.double(), a.double() @ b.double()

    assert float(squares([a])[0]) == pytest.approx(float(exact[0]), rel=1e-7)
    assert float(dots([a], [b])[0]) == pytest.approx(float(exact[1]), rel=1e-7)
    assert squares([a]).dtype == dots([a], [a]).dtype == torch.float64


def test_tensors_of_all_sizes_stand_in_their_places():
    tensors = [drawn(n, n) for n in (3, 100_000, 1, 40_000, 7)]

    expected = [float((x.double() ** 2).sum()) for x in tensors]
    assert squares(tensors).tolist() == pytest.approx(expected, rel=1e-7)
    assert dots(tensors, [-x for x in tensors]).tolist() == pytest.approx([-x for x in expected], rel=1e-7)


def test_half_precision_does_not_overflow_and_shapes_do_not_matter():
    for width in (700, 70_000):
        a = torch.full((3, width), 300.0, dtype=torch.float16)

        assert float(squares([a])[0]) == pytest.approx(3 * width * 300.0**2, rel=1e-9)
        assert float(dots([a], [a])[0]) == pytest.approx(3 * width * 300.0**2, rel=1e-9)


def test_sparse_gradients_count_each_place_once():
    a = torch.sparse_coo_tensor([[1, 1, 2]], [1.0, 2.0, 4.0], (5,), check_invariants=True)

    assert float(squares([a])[0]) == pytest.approx(25.0)


def test_of_nothing_there_is_nothing():
    assert squares([]).shape == dots([], []).shape == stacked([]).shape == (0,)
    assert fetched([]) == []


def test_all_are_fetched_at_once_and_apart_again():
    one, other = fetched([torch.tensor([1.0, 2.0]), torch.tensor([3.0], dtype=torch.float64)])

    assert one.tolist() == [1.0, 2.0]
    assert other.tolist() == [3.0]
