"""Small matrices: every entry of a product or sum is made in one order, whatever stands beside it."""

import numpy as np
import pytest
from numba.core.errors import TypingError

from sdesim.compiled.elementary import fma
from sdesim.compiled.jit import compiled
from sdesim.compiled.matrices import DEEP, WIDE, add_product, add_row_sums, transpose


@compiled
def _entry(row, column, start):
    for k in range(row.size):
        start = fma(row[k], column[k], start)
    return start


def _matrix(rows, cols):
    return np.random.default_rng(100 * rows + cols).standard_normal((rows, cols))


# Below, at and beyond a tile in every direction: whole tiles, single vectors, numbers, single rows.
@pytest.mark.parametrize("rows", [1, 4, 10])
@pytest.mark.parametrize("inner", [1, 5, DEEP + 1, 2 * DEEP + 3])
@pytest.mark.parametrize("cols", [1, 8, 13, WIDE + 9, 2 * WIDE + 35])
def test_every_entry_of_a_product_is_one_chain_of_fused_multiply_adds(rows, inner, cols):
    m, b, c = _matrix(rows, inner), _matrix(inner, cols), _matrix(rows, cols)
    expected = np.array(
        [[_entry(m[j], np.ascontiguousarray(b[:, i]), c[j, i]) for i in range(cols)] for j in range(rows)]
    )

    add_product(m, b, c)

    np.testing.assert_array_equal(c, expected)


def test_a_product_over_nothing_changes_nothing():
    c = _matrix(5, 9)
    before = c.copy()

    add_product(np.empty((5, 0)), np.empty((0, 9)), c)

    np.testing.assert_array_equal(c, before)


def test_a_nan_reaches_its_row_only():
    m, c = _matrix(9, 6), np.zeros((9, 11))
    m[4, 3] = np.nan

    add_product(m, _matrix(6, 11), c)

    assert np.isnan(c[4]).all()
    assert np.isfinite(np.delete(c, 4, axis=0)).all()


def test_matrices_that_are_not_contiguous_are_refused():
    with pytest.raises(TypingError, match="contiguous float64"):
        add_product(_matrix(4, 4).T, _matrix(4, 4), _matrix(4, 4))


@pytest.mark.parametrize("shape", [(1, 1), (8, 5), (19, 3), (3, 19)])
def test_a_transpose_is_the_transpose(shape):
    source, target = _matrix(*shape), np.empty(shape[::-1])

    transpose(source, target)

    np.testing.assert_array_equal(target, source.T)


@pytest.mark.parametrize("rows", [1, 4, 7])
def test_rows_are_summed_in_order_and_then_added(rows):
    source, out = _matrix(rows, 37), _matrix(1, rows)[0]
    # A cumulative sum has no choice of order.
    expected = out + np.cumsum(source, axis=1)[:, -1]

    add_row_sums(source, out)

    np.testing.assert_array_equal(out, expected)
