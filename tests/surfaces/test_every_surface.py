"""What holds for every surface: derivatives, minima, wells, and compiled twins that no split changes."""

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from numba import njit

from sdesim.surfaces import (
    MLP,
    DoubleWell,
    Flat,
    FlatSharp,
    LeastSquares,
    Product,
    Quadratic,
    RandomFeatures,
    Rosenbrock,
    Rough,
    Styblinski,
    Wells,
    custom,
    hessian,
    masked,
)

RNG = np.random.default_rng(0)
ROTATION = np.linalg.qr(RNG.standard_normal((3, 3)))[0]
ROWS, TARGETS = RNG.standard_normal((11, 4)), RNG.standard_normal(11)
KEPT = np.array([True, False, True, True, False])
ROUGH = Rough(3, 0.4, seed=5)
FEATURES = RandomFeatures(13, ROWS, TARGETS, activation="tanh", ridge=0.05, seed=2)
NETWORK = MLP((4, 3, 1), ROWS, TARGETS)
SOME = np.arange(NETWORK.dim) % 3 != 1


@njit
def _bowl(theta):
    return 0.25 * np.sum(theta**2) ** 2 - theta[0]


def _bowl_grad(theta):
    out = np.sum(theta**2) * theta
    out[0] -= 1.0
    return out


def _bowl_hvp(theta, v):
    return np.sum(theta**2) * v + 2.0 * np.sum(theta * v) * theta


# Each surface and its loss once more as a torch expression of θ, t being torch.
@dataclass(frozen=True)
class Case:
    make: Any
    loss: Any
    exact_hvp: bool = True


def _network(t, theta):
    hidden = t.tanh(t.tensor(ROWS) @ theta[:12].reshape(3, 4).T + theta[12:15])
    return t.mean((hidden @ theta[15:18] + theta[18] - t.tensor(TARGETS)) ** 2)


def _spread(t, theta, surface):
    full = t.tensor(surface.values.copy())
    return full.index_put((t.tensor(np.flatnonzero(surface.mask)),), theta)


def _rosenbrock(t, x):
    return t.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def _rough(t, x):
    phases, heights = ROUGH.kernel().params[1:].reshape(2, -1)
    turns = t.tensor(ROUGH.waves) @ x + t.tensor(phases)
    return 0.5 * x @ x + t.tensor(heights) @ t.cos(2 * t.pi * turns)


def _styblinski(t, x):
    return 0.5 * t.sum(x**4 - 16 * x**2 + 5 * x)


def _squares(t, x, rows, targets, ridge=0.0):
    return 0.5 * t.mean((t.tensor(rows) @ x - t.tensor(targets)) ** 2) + 0.5 * ridge * x @ x


def _diagonal(t, x, rates, center):
    return 0.5 * t.sum(t.tensor(rates) * (x - t.tensor(center)) ** 2)


def _rotated(t, x):
    y = t.tensor(ROTATION.T) @ (x - 0.5)
    return 0.5 * t.sum(t.tensor([1.0, 4.0, 0.5]) * y**2)


def _double_well(t, x, barrier, tilt):
    return barrier * (x[0] ** 2 - 1) ** 2 + tilt * x[0] + 0.5 * t.sum(x[1:] ** 2)


def _flat_sharp(t, x):
    left, right = 0.5 * (x[0] + 2.0) ** 2, 5.0 * (x[0] - 2.0) ** 2
    return left * right / (left + right)


def _chain(t, x):
    """Cubic pieces within, parabolas outside with the curvatures 6·.1/.09 and 6·.15/.09."""
    p, h, y = (0.0, 0.3, 1.3, 2.3, 2.6), (0.0, 0.1, -0.4, 0.2, 0.05), x[0]
    if y < p[0]:
        return h[0] + 0.5 * (0.6 / 0.09) * (y - p[0]) ** 2
    if y > p[4]:
        return h[4] + 0.5 * (0.9 / 0.09) * (y - p[4]) ** 2
    k = max(i for i in range(4) if y >= p[i])
    u = (y - p[k]) / (p[k + 1] - p[k])
    return h[k] * (1 - u) ** 2 * (1 + 2 * u) + h[k + 1] * u**2 * (3 - 2 * u)


def _quartic(t, x):
    return 0.25 * (x @ x) ** 2 - x[0]


CASES = {
    "flat": Case(lambda: Flat(3), lambda t, x: 0.0 * x @ x),
    "quadratic": Case(
        lambda: Quadratic([1.0, 4.0, 0.5], center=[1.0, -2.0, 0.0]),
        lambda t, x: _diagonal(t, x, [1.0, 4.0, 0.5], [1.0, -2.0, 0.0]),
    ),
    "rotated": Case(lambda: Quadratic([1.0, 4.0, 0.5], center=0.5, rotation=ROTATION), _rotated),
    "saddle": Case(lambda: Quadratic([1.0, -1.0]), lambda t, x: _diagonal(t, x, [1.0, -1.0], [0.0, 0.0])),
    "double-well": Case(DoubleWell, lambda t, x: _double_well(t, x, 0.25, 0.0)),
    "tilted": Case(
        lambda: DoubleWell(dim=3, barrier=0.5, tilt=0.3), lambda t, x: _double_well(t, x, 0.5, 0.3)
    ),
    "flat-sharp": Case(lambda: FlatSharp(1.0, 10.0, 4.0), _flat_sharp),
    "wells": Case(lambda: Wells((0.0, 0.3, 1.3, 2.3, 2.6), (0.0, 0.1, -0.4, 0.2, 0.05)), _chain),
    "rough": Case(lambda: ROUGH, _rough),
    "rosenbrock": Case(Rosenbrock, _rosenbrock),
    "rosenbrock-5": Case(lambda: Rosenbrock(5), _rosenbrock),
    "styblinski": Case(Styblinski, _styblinski),
    "styblinski-12": Case(lambda: Styblinski(12), _styblinski),
    "product": Case(Product, lambda t, x: 0.5 * (t.prod(x) - 1) ** 2),
    "product-5": Case(lambda: Product(5), lambda t, x: 0.5 * (t.prod(x) - 1) ** 2),
    "least-squares": Case(lambda: LeastSquares(ROWS, TARGETS), lambda t, x: _squares(t, x, ROWS, TARGETS)),
    "ridge": Case(
        lambda: LeastSquares(ROWS.T, TARGETS[:4], ridge=0.3),
        lambda t, x: _squares(t, x, ROWS.T.copy(), TARGETS[:4], 0.3),
    ),
    "random-features": Case(
        lambda: FEATURES, lambda t, x: _squares(t, x, FEATURES.features(ROWS), TARGETS, 0.05)
    ),
    "network": Case(lambda: NETWORK, _network),
    "masked-well": Case(
        lambda: masked(DoubleWell(dim=5, tilt=0.2), KEPT),
        lambda t, x: _double_well(t, _spread(t, x, surface_of("masked-well")), 0.25, 0.2),
    ),
    "masked-network": Case(
        lambda: masked(NETWORK, SOME, values=0.0),
        lambda t, x: _network(t, _spread(t, x, surface_of("masked-network"))),
    ),
    "custom": Case(lambda: custom(_bowl, _bowl_grad, _bowl_hvp, dim=2, minima=[[1.0, 0.0]]), _quartic),
    "custom-differences": Case(lambda: custom(_bowl, _bowl_grad, dim=2), _quartic, exact_hvp=False),
    "masked-custom": Case(
        lambda: masked(
            custom(_bowl, _bowl_grad, _bowl_hvp, dim=3, start=[0.0, 0.5, 1.0]), [True, False, True]
        ),
        lambda t, x: _quartic(t, _spread(t, x, surface_of("masked-custom"))),
    ),
}


@cache
def surface_of(name):
    return CASES[name].make()


@pytest.fixture(params=CASES)
def name(request):
    return request.param


@pytest.fixture
def surface(name):
    return surface_of(name)


@pytest.fixture
def theta(surface):
    """(2, 20, d) points around the origin."""
    return 1.5 * np.random.default_rng(1).standard_normal((2, 20, surface.dim))


def scale_of(values):
    """Largest magnitude, at least 1: what errors are relative to."""
    return max(1.0, float(np.max(np.abs(values), initial=0.0)))


def compiled_function(surface, role):
    kernel = surface.kernel()
    if role in kernel.functions:
        return kernel.functions[role]
    return getattr(import_module(kernel.module), getattr(kernel, role))


def through_kernel(surface, x, v, width):
    """Loss (m,), gradient (d, m) and Hessian-vector product (d, m), ``width`` columns at a time."""
    kernel = surface.kernel()
    arrays = (kernel.params, kernel.data0, kernel.data1)
    loss, grad, hvp = (compiled_function(surface, role) for role in ("loss", "grad", "hvp"))
    found = np.full(x.shape[1], np.nan), np.full_like(x, np.nan), np.full_like(x, np.nan)
    for first in range(0, x.shape[1], width):
        part = slice(first, first + width)
        block, along = np.ascontiguousarray(x[:, part]), np.ascontiguousarray(v[:, part])
        value, slope, product = np.empty(block.shape[1]), np.empty_like(block), np.empty_like(block)
        loss(block, *arrays, value)
        grad(block, *arrays, slope)
        hvp(block, along, *arrays, product)
        found[0][part], found[1][:, part], found[2][:, part] = value, slope, product
    return found


def test_loss_gradient_and_hessian_product_equal_those_of_torch(name, surface, theta):
    torch = pytest.importorskip("torch")
    v = np.random.default_rng(2).standard_normal(surface.dim)

    for point in theta[0, :5]:
        x = torch.tensor(point, requires_grad=True)
        value = CASES[name].loss(torch, x)
        (grad,) = torch.autograd.grad(value, x, create_graph=True)
        (hvp,) = torch.autograd.grad(grad @ torch.tensor(v), x)

        assert surface.loss(point) == pytest.approx(value.item(), rel=1e-12, abs=1e-12)
        np.testing.assert_allclose(
            surface.grad(point), grad.detach(), atol=1e-11 * scale_of(grad.detach().numpy())
        )
        # Central differences of the gradient stand in where a user gives no Hessian: about 1e-9.
        tolerance = 1e-10 if CASES[name].exact_hvp else 1e-7
        np.testing.assert_allclose(surface.hvp(point, v), hvp, atol=tolerance * scale_of(hvp.numpy()))


def test_grad_is_the_central_difference_of_the_loss(name, surface, theta):
    # The finest wave of the rough surface is 1/64 long: the step must be small beside it.
    h = 1e-6 if name == "rough" else 1e-5
    numeric = np.stack(
        [(surface.loss(theta + h * e) - surface.loss(theta - h * e)) / (2 * h) for e in np.eye(surface.dim)],
        axis=-1,
    )

    # Truncation h²/6 |L‴| and rounding 1e-16 |L|/h, with |L‴| ≲ 1e4 for Rosenbrock, 1e5 for the rough one.
    np.testing.assert_allclose(surface.grad(theta), numeric, atol=1e-7 * scale_of(surface.loss(theta)))


def test_hvp_is_the_central_difference_of_the_grad(name, surface, theta):
    h, v = (1e-6 if name == "rough" else 1e-5), np.random.default_rng(2).standard_normal(surface.dim)

    numeric = (surface.grad(theta + h * v) - surface.grad(theta - h * v)) / (2 * h)

    np.testing.assert_allclose(surface.hvp(theta, v), numeric, atol=1e-6 * scale_of(numeric))


def test_shapes_broadcast_over_leading_axes(surface, theta):
    assert surface.loss(theta).shape == (2, 20)
    assert surface.loss(theta[0, 0]).shape == ()
    assert surface.well(theta).shape == (2, 20)
    assert surface.hvp(theta[0, 0], theta).shape == theta.shape
    assert surface.start.shape == (surface.dim,)
    assert hessian(surface, theta[0]).shape == (20, surface.dim, surface.dim)
    np.testing.assert_allclose(surface.grad(theta)[1, 3], surface.grad(theta[1, 3]), rtol=1e-12, atol=1e-12)


def test_minima_are_stationary_with_no_downward_curvature_and_lie_in_their_own_wells(surface):
    minima = surface.minima()

    assert minima.shape[1:] == (surface.dim,)
    assert len(minima) == len(surface.wells)
    np.testing.assert_allclose(surface.grad(minima), 0.0, atol=1e-12)
    np.testing.assert_array_equal(surface.well(minima), np.arange(len(minima)))
    for minimum in minima:
        assert np.linalg.eigvalsh(hessian(surface, minimum))[0] > -1e-12


@pytest.mark.parametrize("width", [3, 64])
def test_compiled_twins_compute_the_numbers_of_the_python_side(surface, width):
    x = 1.5 * np.random.default_rng(3).standard_normal((surface.dim, width))
    v = np.random.default_rng(4).standard_normal(x.shape)

    loss, grad, hvp = through_kernel(surface, x, v, width)

    np.testing.assert_allclose(loss, surface.loss(x.T), rtol=1e-12, atol=1e-13)
    for found, expected in ((grad.T, surface.grad(x.T)), (hvp.T, surface.hvp(x.T, v.T))):
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12 * scale_of(expected))


def test_compiled_wells_are_those_of_the_python_side(surface):
    kernel = surface.kernel()
    x = 1.5 * np.random.default_rng(3).standard_normal((surface.dim, 40))
    nowhere = np.full_like(x, np.nan)

    assert surface.well(nowhere[:, 0]) == -1
    if kernel.well is None:
        assert surface.wells == ()
        assert np.all(surface.well(x.T) == -1)
        return
    well = compiled_function(surface, "well")
    np.testing.assert_array_equal([well(x, k, kernel.params) for k in range(40)], surface.well(x.T))
    assert well(nowhere, 0, kernel.params) == -1


def test_bits_of_the_compiled_twins_do_not_depend_on_the_width_of_the_block(surface):
    x = 1.5 * np.random.default_rng(5).standard_normal((surface.dim, 64))
    v = np.random.default_rng(6).standard_normal(x.shape)

    whole = through_kernel(surface, x, v, 64)

    for width in (1, 2, 3, 11):
        for part, expected in zip(through_kernel(surface, x, v, width), whole, strict=True):
            np.testing.assert_array_equal(part, expected)


@pytest.mark.parametrize("name", ["least-squares", "ridge", "random-features", "network", "masked-network"])
def test_example_gradients_average_to_the_gradient_and_their_weighted_sum_has_a_compiled_twin(name):
    surface = surface_of(name)
    kernel = surface.kernel()
    rng = np.random.default_rng(7)
    x, weights = rng.standard_normal((surface.dim, 12)), rng.standard_normal((surface.examples, 12))
    weights[1] = 0.0
    rows = surface.example_gradients(x[:, 0])
    found = np.empty_like(x)

    compiled_function(surface, "weighted_grad")(x, weights, kernel.params, kernel.data0, kernel.data1, found)

    assert kernel.examples == surface.examples == len(rows)
    np.testing.assert_allclose(rows.mean(axis=0), surface.grad(x[:, 0]), atol=1e-12)
    np.testing.assert_array_equal(surface.example_gradients(x[:, 0], [2, 2]), rows[[2, 2]])
    for k in range(12):
        expected = weights[:, k] @ surface.example_gradients(x[:, k])
        np.testing.assert_allclose(found[:, k], expected, atol=1e-12 * scale_of(expected))
        np.testing.assert_array_equal(surface.weighted_gradient(x[:, k], weights[:, k]), found[:, k])
