"""What every registered surface promises, by the example that its documentation shows: a new kind is tested
unasked."""

import numpy as np
import pytest
from ruamel.yaml import YAML

from sdesim.compiled.single import single
from sdesim.errors import SdesimError
from sdesim.kinds import documented, dump, kinds_of, names_of, read
from sdesim.surfaces import Base, masked


@pytest.fixture(scope="module", params=names_of("surfaces"))
def surface(request):
    return read("surfaces", YAML(typ="safe").load(documented(kinds_of("surfaces")[request.param]).example))


@pytest.fixture
def theta(surface):
    """(2, 3, d) points around the start."""
    return surface.start + 0.3 * np.random.default_rng(1).standard_normal((2, 3, surface.dim))


def size_of(values):
    return max(1.0, float(np.max(np.abs(values))))


def test_it_derives_from_the_public_base(surface):
    assert isinstance(surface, Base)


def test_its_sizes_and_names_are_known_before_anything_is_compiled(surface):
    again = read("surfaces", dump(surface))

    assert again.dim >= 1
    assert again.examples >= 0
    assert all(isinstance(name, str) for name in again.wells)
    assert "built" not in vars(again)


def test_gradient_and_hessian_product_are_the_slopes_along_a_direction(surface, theta):
    v = np.random.default_rng(2).standard_normal(surface.dim)
    v, h = v / np.linalg.norm(v), 1e-6

    slope = (surface.loss(theta + h * v) - surface.loss(theta - h * v)) / (2 * h)
    bend = (surface.grad(theta + h * v) - surface.grad(theta - h * v)) / (2 * h)

    # Truncation h²/6 times the third derivative (1e5 for the rough one), rounding 1e-16/h of the values.
    np.testing.assert_allclose(surface.grad(theta) @ v, slope, atol=1e-6 * size_of(surface.loss(theta)))
    np.testing.assert_allclose(surface.hvp(theta, v), bend, atol=1e-5 * size_of(bend))


def test_shapes_broadcast(surface, theta):
    d = surface.dim

    assert surface.start.shape == (d,)
    assert surface.loss(theta).shape == surface.well(theta).shape == (2, 3)
    assert surface.loss(theta[0, 0]).shape == ()
    assert surface.grad(theta).shape == surface.hvp(theta[0, 0], theta).shape == theta.shape
    assert surface.minima().shape[1:] == (d,)
    np.testing.assert_allclose(surface.grad(theta)[1, 2], surface.grad(theta[1, 2]), rtol=1e-12, atol=1e-12)
    with pytest.raises(SdesimError, match=f"must have {d} coordinates"):
        surface.loss(np.zeros(d + 1))


def test_the_compiled_side_computes_the_numbers_of_the_methods(surface, theta):
    kernel = surface.kernel()
    points = theta.reshape(-1, surface.dim)
    x, v = np.ascontiguousarray(points.T), np.ascontiguousarray(points.T[::-1])
    loss, grad, product = np.full(x.shape[1], np.nan), np.full_like(x, np.nan), np.full_like(x, np.nan)

    kernel.function("loss")(x, *kernel.arrays, loss)
    kernel.function("grad")(x, *kernel.arrays, grad)
    kernel.function("hvp")(x, v, *kernel.arrays, product)

    np.testing.assert_allclose(loss, surface.loss(points), rtol=1e-12, atol=1e-13)
    for found, expected in ((grad, surface.grad(points)), (product, surface.hvp(points, v.T))):
        np.testing.assert_allclose(found.T, expected, rtol=1e-11, atol=1e-12 * size_of(expected))
    assert kernel.offers("well") == bool(surface.wells)
    if surface.wells:
        inside = kernel.function("well")
        found = [inside(x, k, kernel.params) for k in range(x.shape[1])]
        np.testing.assert_array_equal(found, surface.well(points))
        assert surface.well(np.full(surface.dim, np.nan)) == -1
    else:
        assert np.all(surface.well(points) == -1)


def test_a_mean_over_examples_has_their_weighted_gradients(surface):
    kernel = surface.kernel()

    assert kernel.examples == surface.examples
    assert kernel.offers("weighted_grad") == bool(surface.examples)
    if surface.examples:
        mean = surface.weighted_gradient(surface.start, np.full(surface.examples, 1 / surface.examples))
        slope = surface.grad(surface.start)
        np.testing.assert_allclose(mean, slope, rtol=1e-9, atol=1e-12 * size_of(slope))


def test_groups_are_stretches_of_the_coordinates(surface):
    places = [k for part in surface.groups.values() for k in range(part.start, part.stop)]

    assert places in ([], list(range(surface.dim)))


def test_an_evaluation_gives_one_number_for_each_point(surface, theta):
    evaluation = surface.evaluation()

    if evaluation is not None:
        for values in evaluation.values(theta[0]).values():
            assert values.shape == (3,)


def test_it_can_be_masked(surface):
    mask = np.arange(surface.dim) % 2 == 0
    part = masked(surface, mask)

    point = surface.start[mask] + 0.1

    assert part.dim == mask.sum()
    np.testing.assert_array_equal(part.grad(point), surface.grad(part.embed(point))[mask])


def test_a_surface_that_can_has_the_same_functions_in_float32(surface, theta):
    if not surface.single:
        return
    kernel = surface.kernel()
    points = theta.reshape(-1, surface.dim)
    x = np.ascontiguousarray(points.T, np.float32)
    arrays = [np.asarray(a, np.float32) for a in kernel.arrays]
    out, loss = np.full_like(x, np.nan), np.full(x.shape[1], np.nan)

    single(kernel.function("grad"))(x, *arrays, out)
    single(kernel.function("loss"))(x, *arrays, loss)

    # A few roundings of 6e-8, of terms as large as the largest value or the state.
    expected = surface.grad(points)
    np.testing.assert_allclose(out.T, expected, rtol=0, atol=1e-5 * size_of(expected))
    np.testing.assert_allclose(loss, surface.loss(points), rtol=1e-5, atol=1e-5)


def test_a_slope_is_an_entry_of_the_gradient_to_the_bit(surface, theta):
    kernel = surface.kernel()
    if kernel.slope is None:
        return
    x = np.ascontiguousarray(theta.reshape(-1, surface.dim).T)
    out, slope = np.empty_like(x), kernel.function("slope")

    kernel.function("grad")(x, *kernel.arrays, out)

    found = [[slope(x[i, w], i, kernel.params) for w in range(x.shape[1])] for i in range(surface.dim)]
    np.testing.assert_array_equal(found, out)
