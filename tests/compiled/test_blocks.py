"""Points (…, d) through compiled functions on blocks (d, W)."""

import numpy as np
import pytest

from sdesim.compiled import blocks
from sdesim.errors import SdesimError

ARRAYS = (np.array([2.0]), np.zeros((0, 0)), np.zeros((0, 0)))
POINTS = np.random.default_rng(0).standard_normal((2, 3, 4))


# L = a |θ|²/2: plain functions with the arguments of compiled ones.
def loss(x, params, data0, data1, out):
    out[:] = params[0] * (x**2).sum(axis=0) / 2


def grad(x, params, data0, data1, out):
    out[:] = params[0] * x


def hvp(x, v, params, data0, data1, out):
    out[:] = params[0] * v


def weighted_grad(x, weights, params, data0, data1, out):
    out[:] = params[0] * x * weights.sum(axis=0)


def test_leading_axes_come_back_as_they_were_given():
    np.testing.assert_allclose(blocks.losses(loss, 4, POINTS, ARRAYS), (POINTS**2).sum(axis=-1), rtol=1e-14)
    np.testing.assert_array_equal(blocks.gradients(grad, 4, POINTS, ARRAYS), 2 * POINTS)
    assert blocks.losses(loss, 4, POINTS[0, 0], ARRAYS).shape == ()
    assert blocks.gradients(grad, 4, POINTS, ARRAYS).flags.c_contiguous


def test_points_and_vectors_broadcast():
    v = np.arange(4.0)

    found = blocks.products(hvp, 4, POINTS, v, ARRAYS)

    np.testing.assert_array_equal(found, np.broadcast_to(2 * v, POINTS.shape))


def test_a_block_is_a_copy_that_the_function_may_write_to():
    def spoils(x, params, data0, data1, out):
        x[:] = 0.0
        out[:] = 1.0

    points = POINTS.copy()
    points.setflags(write=False)

    np.testing.assert_array_equal(blocks.gradients(spoils, 4, points, ARRAYS), np.ones(points.shape))
    np.testing.assert_array_equal(points, POINTS)


def test_weights_are_one_column():
    found = blocks.weighted(weighted_grad, 4, POINTS[0, 0], np.array([1.0, 0.5]), ARRAYS)

    np.testing.assert_allclose(found, 3 * POINTS[0, 0], rtol=1e-15)


def test_examples_are_chosen_by_number_or_all():
    assert blocks.chosen(None, 3).tolist() == [0, 1, 2]
    assert blocks.chosen([[2], [2]], 3).tolist() == [2, 2]
    assert blocks.chosen([], 3).size == 0
    for wrong, found in (([3], "3 to 3"), ([0, -1], "-1 to 0")):
        with pytest.raises(SdesimError, match=rf"indices must lie in \[0, 3\), got {found}"):
            blocks.chosen(wrong, 3)
