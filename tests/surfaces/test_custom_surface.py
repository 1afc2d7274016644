"""Surfaces of a user's functions."""

import numpy as np
import pytest
from numba import njit

from sdesim.errors import SdesimError
from sdesim.surfaces import Custom, custom


@njit
def _wells(theta):
    return (theta[0] ** 2 - 1.0) ** 2


def _slope(theta):
    return np.array([4.0 * theta[0] * (theta[0] ** 2 - 1.0)])


def test_a_custom_surface_takes_plain_and_compiled_functions_and_the_nearest_minimum_is_its_well():
    surface = custom(_wells, _slope, dim=1, start=[0.5], minima=[[-1.0], [1.0]], wells=["left", "right"])

    np.testing.assert_allclose(surface.loss([[0.0], [2.0]]), [1.0, 9.0])
    np.testing.assert_allclose(surface.hvp([2.0], [3.0]), [3.0 * 44.0], rtol=1e-9)
    np.testing.assert_array_equal(surface.hvp([2.0], [0.0]), [0.0])
    assert surface.well([[-0.2], [0.3], [np.nan]]).tolist() == [0, 1, -1]
    assert surface.wells == ("left", "right")
    assert custom(_wells, _slope, dim=1).wells == ()


def test_derivatives_that_are_tuples_are_those_that_are_arrays():
    bowl = {"loss": lambda x: x[0] ** 2 + 0.5 * x[1] ** 4, "dim": 2}
    arrays = custom(grad=lambda x: np.array([2.0 * x[0], 2.0 * x[1] ** 3]), **bowl)
    tuples = custom(grad=lambda x: (2.0 * x[0], 2.0 * x[1] ** 3), **bowl)
    whole = custom(
        grad=lambda x: (2.0 * x[0], 2.0 * x[1] ** 3),
        hvp=lambda x, v: (2.0 * v[0], 6.0 * x[1] ** 2 * v[1]),
        **bowl,
    )

    points, v = np.random.default_rng(0).standard_normal((5, 2)), [0.3, -1.2]
    np.testing.assert_allclose(tuples.grad(points), arrays.grad(points), rtol=1e-15)
    np.testing.assert_allclose(tuples.hvp(points, v), arrays.hvp(points, v), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(whole.hvp(points, v), arrays.hvp(points, v), rtol=1e-8, atol=1e-9)


def _undefined(theta):
    return missing_name(theta)  # noqa: F821


def _no_such_method(theta):
    return theta.blah()


def _number(theta):
    return 1.0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            (_no_such_method, _slope),
            r"compile loss \(_no_such_method\): Unknown attribute 'blah'",
        ),
        ((_wells, _undefined), r"Numba can't compile grad \(_undefined\): .*missing_name"),
        ((_wells, _number), r"grad \(_number\) must return shape \(1,\), got float64 of shape \(\)"),
        ((_slope, _slope), r"loss \(_slope\) must return a number"),
        ((3.0, _slope), "loss must be a function, got 3.0"),
    ],
)
def test_functions_that_can_not_be_used_are_named_in_one_line(arguments, words):
    with pytest.raises(SdesimError, match=words) as caught:
        custom(*arguments, dim=1)

    assert "\n" not in str(caught.value)


def test_custom_minima_and_names_must_fit():
    with pytest.raises(SdesimError, match=r"minima must be \(m, 1\)"):
        custom(_wells, _slope, dim=1, minima=[[1.0, 2.0]])
    with pytest.raises(SdesimError, match="wells must name 1 minima, got 2 names"):
        custom(_wells, _slope, dim=1, minima=[[1.0]], wells=["a", "b"])


@pytest.mark.parametrize("make", [custom, Custom])
def test_a_surface_without_its_gradient_is_refused(make):
    with pytest.raises(SdesimError, match=r"^grad: missing, give the gradient of the loss"):
        make(lambda x: 0.0, dim=1)
