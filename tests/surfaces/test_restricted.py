"""Surfaces with fixed coordinates, and surfaces of a user's functions."""

from importlib import import_module

import numpy as np
import pytest
from numba import njit

from sdesim.errors import SdesimError
from sdesim.noise import Minibatch
from sdesim.surfaces import MLP, DoubleWell, Quadratic, Styblinski, custom, masked

RNG = np.random.default_rng(0)
NETWORK = MLP((3, 4, 2), RNG.standard_normal((9, 3)), RNG.standard_normal((9, 2)))


def test_fixed_coordinates_stay_where_the_surface_starts_or_at_the_given_values():
    mask = np.arange(NETWORK.dim) % 2 == 0

    kept, pruned = masked(NETWORK, mask), masked(NETWORK, mask, values=0.0)

    assert kept.dim == mask.sum()
    np.testing.assert_array_equal(kept.embed(kept.start), NETWORK.start)
    np.testing.assert_array_equal(pruned.start, NETWORK.start[mask])
    np.testing.assert_array_equal(pruned.embed(pruned.start + 1), np.where(mask, NETWORK.start + 1, 0.0))
    np.testing.assert_array_equal(pruned.embed(np.ones((2, 3, pruned.dim))).shape, (2, 3, NETWORK.dim))


def test_a_masked_network_keeps_its_examples_and_layers():
    mask = np.arange(NETWORK.dim) >= 10
    surface = masked(NETWORK, mask)

    rows = surface.example_gradients(surface.start)

    np.testing.assert_array_equal(rows, NETWORK.example_gradients(NETWORK.start)[:, mask])
    assert surface.groups == {"0": slice(0, 6), "2": slice(6, 16)}
    assert Minibatch(surface, 2, 0.1).examples == 9
    assert masked(NETWORK, np.arange(NETWORK.dim) >= 16).groups == {"2": slice(0, 10)}


def test_a_masked_surface_can_be_masked_again():
    surface = masked(masked(Quadratic([1.0, 2.0, 3.0], center=1.0), [True, False, True]), [False, True])
    kernel = surface.kernel()
    out = np.empty((1, 2))

    import_module(kernel.module).grad(np.array([[2.0, 0.0]]), kernel.params, kernel.data0, kernel.data1, out)

    np.testing.assert_array_equal(surface.embed([5.0]), [1.0, 5.0])
    np.testing.assert_array_equal(out, [[3.0, -3.0]])


def test_only_minima_in_the_plane_of_the_fixed_values_are_minima_of_the_masked_surface():
    well = masked(DoubleWell(dim=2), [True, False])
    off_the_plane = masked(Styblinski(2), [True, False])

    np.testing.assert_array_equal(well.minima(), [[-1.0], [1.0]])
    assert off_the_plane.minima().shape == (0, 1)
    assert off_the_plane.well([[-3.0], [3.0]]).tolist() == [0, 2]


@pytest.mark.parametrize(
    ("mask", "values", "words"),
    [
        ([True], None, "mask must be 2 booleans, got bool of shape"),
        ([1, 0], None, "mask must be 2 booleans, got int64"),
        ([False, False], None, "at least one coordinate"),
        ([True, False], [0.0], r"values must be a number or \(2,\)"),
    ],
)
def test_masks_that_do_not_fit_are_refused(mask, values, words):
    with pytest.raises(SdesimError, match=words):
        masked(DoubleWell(dim=2), mask, values)


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
