"""Simple surfaces: derivatives, minima, wells, and the compiled twins."""

from importlib import import_module

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.surfaces import DoubleWell, Flat, FlatSharp, Quadratic, Wells

ROTATION = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
CASES = {
    "flat": Flat(3),
    "quadratic": Quadratic([1.0, 4.0, 0.5], center=[1.0, -2.0, 0.0]),
    "rotated": Quadratic([1.0, 4.0, 0.5], center=0.5, rotation=ROTATION),
    "saddle": Quadratic([1.0, -1.0]),
    "double-well": DoubleWell(),
    "tilted": DoubleWell(dim=3, barrier=0.5, tilt=0.3),
    "flat-sharp": FlatSharp(1.0, 10.0, 4.0),
}


@pytest.fixture(params=CASES)
def surface(request):
    return CASES[request.param]


@pytest.fixture
def theta(surface):
    """(2, 20, d) points around the wells."""
    return 1.5 * np.random.default_rng(1).standard_normal((2, 20, surface.dim))


def test_grad_is_the_central_difference_of_the_loss(surface, theta):
    h = 1e-5
    numeric = np.stack(
        [(surface.loss(theta + h * e) - surface.loss(theta - h * e)) / (2 * h) for e in np.eye(surface.dim)],
        axis=-1,
    )

    # Truncation h²/6 |L‴| with |L‴| below about 100 here, rounding 1e-16 |L|/h with |L| below 100.
    np.testing.assert_allclose(surface.grad(theta), numeric, atol=5e-9 + 1e-9)


def test_hvp_is_the_central_difference_of_the_grad(surface, theta):
    h, v = 1e-5, np.random.default_rng(2).standard_normal(surface.dim)

    numeric = (surface.grad(theta + h * v) - surface.grad(theta - h * v)) / (2 * h)

    np.testing.assert_allclose(surface.hvp(theta, v), numeric, atol=5e-8)


def test_shapes_broadcast_over_leading_axes(surface, theta):
    assert surface.loss(theta).shape == (2, 20)
    assert surface.loss(theta[0, 0]).shape == ()
    assert surface.well(theta).shape == (2, 20)
    assert surface.hvp(theta[0, 0], theta).shape == theta.shape
    assert surface.start.shape == (surface.dim,)


def test_minima_are_stationary_lie_in_their_own_wells_and_name_them(surface):
    minima = surface.minima()

    assert len(minima) == len(surface.wells)
    np.testing.assert_allclose(surface.grad(minima), 0.0, atol=1e-14)
    np.testing.assert_array_equal(surface.well(minima), np.arange(len(minima)))
    for minimum in minima:
        curvature = [e @ surface.hvp(minimum, e) for e in np.eye(surface.dim)]
        assert min(curvature) > 0


@pytest.mark.parametrize("width", [1, 5, 64])
def test_compiled_twins_compute_the_numbers_of_the_python_side(surface, width):
    kernel = surface.kernel()
    module = import_module(kernel.module)
    x = 1.5 * np.random.default_rng(3).standard_normal((surface.dim, width))
    v = np.random.default_rng(4).standard_normal(x.shape)
    grad, loss, hvp = np.full_like(x, np.nan), np.full(width, np.nan), np.full_like(x, np.nan)

    getattr(module, kernel.grad)(x, kernel.params, kernel.data0, kernel.data1, grad)
    getattr(module, kernel.loss)(x, kernel.params, kernel.data0, kernel.data1, loss)
    getattr(module, kernel.hvp)(x, v, kernel.params, kernel.data0, kernel.data1, hvp)

    np.testing.assert_allclose(grad.T, surface.grad(x.T), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(loss, surface.loss(x.T), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(hvp.T, surface.hvp(x.T, v.T), rtol=1e-13, atol=1e-13)
    if kernel.well is None:
        assert np.all(surface.well(x.T) == -1)
    else:
        wells = [getattr(module, kernel.well)(x, lane, kernel.params) for lane in range(width)]
        np.testing.assert_array_equal(wells, surface.well(x.T))
        assert getattr(module, kernel.well)(np.full_like(x, np.nan), 0, kernel.params) == -1
        assert surface.well(np.full(surface.dim, np.nan)) == -1


def test_bits_of_the_compiled_twins_do_not_depend_on_the_width_of_the_block(surface):
    kernel = surface.kernel()
    module = import_module(kernel.module)
    arrays = (kernel.params, kernel.data0, kernel.data1)
    x = 1.5 * np.random.default_rng(5).standard_normal((surface.dim, 64))
    v = np.random.default_rng(6).standard_normal(x.shape)
    results = []

    for width in (64, 1, 2, 3):
        grad, loss, hvp = np.empty_like(x), np.empty(64), np.empty_like(x)
        for first in range(0, 64, width):
            part = slice(first, first + width)
            block, along = np.ascontiguousarray(x[:, part]), np.ascontiguousarray(v[:, part])
            g, h, value = np.empty_like(block), np.empty_like(block), np.empty(block.shape[1])
            getattr(module, kernel.grad)(block, *arrays, g)
            getattr(module, kernel.loss)(block, *arrays, value)
            getattr(module, kernel.hvp)(block, along, *arrays, h)
            grad[:, part], loss[part], hvp[:, part] = g, value, h
        results.append((grad, loss, hvp))

    for other in results[1:]:
        for one, whole in zip(other, results[0], strict=True):
            np.testing.assert_array_equal(one, whole)


def test_double_well_has_the_stated_barrier_and_curvature():
    surface = DoubleWell(barrier=0.7)

    np.testing.assert_array_equal(surface.start, [-1.0])
    assert surface.loss([0.0]) - surface.loss([-1.0]) == pytest.approx(0.7)
    assert surface.hvp([-1.0], [1.0])[0] == pytest.approx(8 * 0.7)


def test_flat_sharp_wells_are_equally_deep_with_exactly_the_given_curvatures_and_one_barrier():
    surface = FlatSharp(flat_curvature=1.0, sharp_curvature=10.0, separation=4.0)

    minima = surface.minima()

    np.testing.assert_array_equal(minima[:, 0], [-2.0, 2.0])
    np.testing.assert_array_equal(surface.loss(minima), 0.0)
    np.testing.assert_allclose(surface.hvp(minima, [1.0])[:, 0], [1.0, 10.0])
    assert surface.grad([surface.top])[0] == pytest.approx(0.0, abs=1e-13)
    grad = surface.grad(np.linspace(-30, 30, 100_001)[:, None])[:, 0]
    assert np.count_nonzero(np.diff(np.sign(grad[grad != 0]))) == 3


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Flat(0), "dim must be at least 1, got 0"),
        (lambda: Flat(2.5), "dim must be a whole number, got 2.5"),
        (lambda: Quadratic([1.0, 2.0], center=[1.0]), "center must be a number or"),
        (lambda: Quadratic([1.0, 2.0], rotation=[[1, 1], [0, 1]]), "orthogonal"),
        (lambda: Quadratic([np.nan]), "eigenvalues must be finite"),
        (lambda: DoubleWell(barrier=0.0), "barrier must be above 0, got 0"),
        (lambda: DoubleWell(tilt=1.0), "tilt must lie within"),
        (lambda: FlatSharp(1.0, -1.0, 4.0), "sharp_curvature must be above 0, got -1"),
        (lambda: DoubleWell(dim=2).loss([1.0]), "theta must have 2 coordinates"),
    ],
)
def test_wrong_values_are_refused_in_the_user_s_words(make, words):
    with pytest.raises(SdesimError, match=words):
        make()


@pytest.mark.parametrize(
    ("points", "heights", "names", "said"),
    [
        ((0.0, 1.0), (0.0, 1.0), (), "3, 5, 7"),
        ((0.0, 1.0, 2.0), (0.0, 1.0), (), "3 numbers like points"),
        ((0.0, 2.0, 1.0), (0.0, 1.0, 0.0), (), "must ascend"),
        ((0.0, 1.0, 2.0), (0.0, 1.0, 2.0), (), "above both of its neighbours"),
        ((0.0, 1.0, 2.0), (0.0, 1.0, 0.0), ("a", "a"), "2 different ones"),
    ],
)
def test_wells_that_make_no_chain_are_named(points, heights, names, said):
    with pytest.raises(SdesimError, match=said):
        Wells(points, heights, names)
