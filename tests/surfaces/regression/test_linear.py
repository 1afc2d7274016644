"""What every linear least squares has: example gradients, the minimum, one well."""

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.surfaces import LeastSquares, RandomFeatures

RNG = np.random.default_rng(4)
ROWS, TARGETS = RNG.standard_normal((9, 4)), RNG.standard_normal(9)
WIDE = RNG.standard_normal((3, 4))


@pytest.fixture(
    params=[
        LeastSquares(ROWS, TARGETS),
        LeastSquares(ROWS, TARGETS, ridge=0.3),
        LeastSquares(WIDE, TARGETS[:3]),
        RandomFeatures(6, ROWS, TARGETS, ridge=0.1, seed=1),
    ],
    ids=["plain", "ridge", "underdetermined", "features"],
)
def surface(request):
    return request.param


def test_example_gradients_average_to_the_gradient_and_are_those_chosen(surface):
    theta = np.random.default_rng(5).standard_normal(surface.dim)

    rows = surface.example_gradients(theta)

    assert rows.shape == (surface.examples, surface.dim)
    np.testing.assert_allclose(rows.mean(axis=0), surface.grad(theta), rtol=1e-11, atol=1e-12)
    np.testing.assert_array_equal(surface.example_gradients(theta, [2, 0, 2]), rows[[2, 0, 2]])
    with pytest.raises(SdesimError, match="indices must lie in"):
        surface.example_gradients(theta, [surface.examples])


def test_an_example_gradient_is_its_residual_times_its_row_and_the_ridge():
    theta = np.random.default_rng(6).standard_normal(4)

    rows = LeastSquares(ROWS, TARGETS, ridge=0.3).example_gradients(theta)

    np.testing.assert_allclose(rows, (ROWS @ theta - TARGETS)[:, None] * ROWS + 0.3 * theta, rtol=1e-12)


def test_the_minimum_is_stationary_and_of_several_the_shortest(surface):
    (least,) = surface.minima()

    np.testing.assert_allclose(surface.grad(least), 0.0, rtol=0, atol=1e-12)
    if surface.examples < surface.dim:
        np.testing.assert_allclose(least, np.linalg.pinv(WIDE) @ TARGETS[:3], rtol=1e-10)


def test_every_finite_point_lies_in_the_one_well(surface):
    points = np.zeros((2, 2, surface.dim))
    points[0, 1, -1], points[1, 0, 0] = np.nan, np.inf

    assert surface.wells == ("minimum",)
    assert surface.well(points).tolist() == [[0, -1], [-1, 0]]


def test_the_compiled_side_has_copies_that_can_be_written_to(surface):
    kernel = surface.kernel()

    assert kernel.examples == surface.examples
    assert (kernel.weighted_grad, kernel.well) == ("weighted_grad", "single_well")
    assert kernel.data0.flags.writeable
    np.testing.assert_array_equal(kernel.data1, kernel.data0.T)
