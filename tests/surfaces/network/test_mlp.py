"""The MLP surface against torch and finite differences."""

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.surfaces.network.mlp import MLP

torch = pytest.importorskip("torch")

ACTIVATIONS = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "gelu": torch.nn.functional.gelu,
    "quadratic": torch.square,
}
# 300 examples take two chunks, odd widths the remainders of every unrolled loop.
CASES = [
    (activation, loss, widths, n)
    for activation in ACTIVATIONS
    for loss in ("mse", "cross_entropy")
    for widths, n in (((5, 7, 3), 300), ((6, 4), 9), ((3, 9, 5, 4), 12), ((3, 4, 5, 3, 4, 2), 10))
]


def make(activation, loss, widths, n):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((n, widths[0]))
    y = rng.integers(0, widths[-1], n) if loss == "cross_entropy" else rng.standard_normal((n, widths[-1]))
    return MLP(widths, x, y, activation=activation, loss=loss)


def torch_loss(surface, theta, rows=None):
    a, place = torch.tensor(surface.x), 0
    y = torch.tensor(surface.y)
    if rows is not None:
        a, y = a[rows], y[rows]
    pairs = list(zip(surface.widths[:-1], surface.widths[1:], strict=True))
    for layer, (i, o) in enumerate(pairs):
        weight, place = theta[place : place + o * i].reshape(o, i), place + o * i
        bias, place = theta[place : place + o], place + o
        a = a @ weight.T + bias
        a = ACTIVATIONS[surface.activation](a) if layer < len(pairs) - 1 else a
    if surface.loss_name == "cross_entropy":
        return torch.nn.functional.cross_entropy(a, y[:, 0].long())
    return torch.nn.functional.mse_loss(a, y)


@pytest.fixture(params=CASES, ids=lambda c: f"{c[0]}-{c[1]}-{'x'.join(map(str, c[2]))}")
def surface(request):
    return make(*request.param)


def test_loss_gradient_and_hessian_product_equal_torch(surface):
    v = np.random.default_rng(2).standard_normal(surface.dim)
    theta = torch.tensor(surface.start, requires_grad=True)

    expected = torch_loss(surface, theta)
    (grad,) = torch.autograd.grad(expected, theta, create_graph=True)
    (hvp,) = torch.autograd.grad(grad @ torch.tensor(v), theta)

    # Sums of at most a few thousand float64 terms of order 1: errors of about 1e-13.
    assert surface.loss(surface.start) == pytest.approx(expected.item(), abs=1e-12)
    np.testing.assert_allclose(surface.grad(surface.start), grad.detach(), atol=1e-12)
    np.testing.assert_allclose(surface.hvp(surface.start, v), hvp, atol=1e-10)


def test_gradient_and_hessian_product_match_central_differences(surface):
    if surface.activation == "relu":
        pytest.skip("a kink may lie between the two points")
    h, v = 1e-5, np.random.default_rng(3).standard_normal(surface.dim)

    slope = (surface.loss(surface.start + h * v) - surface.loss(surface.start - h * v)) / (2 * h)
    bend = (surface.grad(surface.start + h * v) - surface.grad(surface.start - h * v)) / (2 * h)

    # Truncation h²|v|³ L‴/6 ≲ 1e-10·(|v|² ≈ 80)·O(10) = 1e-7; round-off 1e-16/h = 1e-11.
    assert surface.grad(surface.start) @ v == pytest.approx(slope, rel=1e-6, abs=1e-6)
    np.testing.assert_allclose(surface.hvp(surface.start, v), bend, atol=1e-5, rtol=1e-5)


def test_example_gradients_equal_torch_and_average_to_the_gradient(surface):
    rows = surface.example_gradients(surface.start)
    theta = torch.tensor(surface.start, requires_grad=True)
    (last,) = torch.autograd.grad(torch_loss(surface, theta, [surface.examples - 1]), theta)

    np.testing.assert_allclose(rows[-1], last, atol=1e-12)
    np.testing.assert_allclose(rows.mean(axis=0), surface.grad(surface.start), atol=1e-12)
    np.testing.assert_array_equal(surface.example_gradients(surface.start, [4, 4]), rows[[4, 4]])


def test_weighted_gradient_is_the_weighted_sum_of_example_gradients(surface):
    weights = np.random.default_rng(4).standard_normal(surface.examples)
    weights[::2] = 0.0

    expected = weights @ surface.example_gradients(surface.start)

    np.testing.assert_allclose(surface.weighted_gradient(surface.start, weights), expected, atol=1e-11)


def test_derivatives_broadcast_over_leading_axes_without_changing_a_bit():
    surface = make("tanh", "cross_entropy", (5, 7, 3), 40)
    points = surface.start + np.random.default_rng(5).standard_normal((2, 3, surface.dim))

    losses, grads, products = surface.loss(points), surface.grad(points), surface.hvp(points, points[0, 0])

    assert losses.shape == (2, 3)
    for index in np.ndindex(2, 3):
        assert losses[index] == surface.loss(points[index])
        np.testing.assert_array_equal(grads[index], surface.grad(points[index]))
        np.testing.assert_array_equal(products[index], surface.hvp(points[index], points[0, 0]))


def test_kernel_names_functions_on_a_block():
    import importlib

    surface = make("relu", "mse", (5, 7, 3), 30)
    kernel = surface.kernel()
    module = importlib.import_module(kernel.module)
    block = np.ascontiguousarray(np.stack([surface.start, 2 * surface.start], axis=1))
    v = np.random.default_rng(6).standard_normal(block.shape)
    out, losses, products = np.empty_like(block), np.empty(2), np.empty_like(block)

    getattr(module, kernel.grad)(block, kernel.params, kernel.data0, kernel.data1, out)
    getattr(module, kernel.loss)(block, kernel.params, kernel.data0, kernel.data1, losses)
    getattr(module, kernel.hvp)(block, v, kernel.params, kernel.data0, kernel.data1, products)

    assert (kernel.lanes, kernel.examples) == (1, 30)
    np.testing.assert_array_equal(out.T, surface.grad(block.T))
    np.testing.assert_array_equal(losses, surface.loss(block.T))
    np.testing.assert_array_equal(products.T, surface.hvp(block.T, v.T))


def test_groups_cover_every_parameter_once():
    surface = make("tanh", "mse", (3, 9, 5, 4), 12)

    covered = np.concatenate([np.arange(surface.dim)[part] for part in surface.groups.values()])

    assert list(surface.groups) == ["0", "2", "4"]
    np.testing.assert_array_equal(covered, np.arange(surface.dim))


def test_accuracy_counts_largest_outputs():
    surface = make("tanh", "cross_entropy", (5, 7, 3), 40)
    predicted = surface.outputs(surface.start).argmax(axis=1)

    assert surface.accuracy(surface.start, surface.x, predicted) == 1.0
    assert surface.accuracy(surface.start) == np.mean(predicted == surface.y[:, 0])


def test_overflowing_parameters_give_nan_not_a_finite_loss():
    surface = make("relu", "cross_entropy", (5, 7, 3), 10)

    assert not np.isfinite(surface.loss(np.full(surface.dim, np.nan)))
    assert not np.isfinite(surface.grad(np.full(surface.dim, np.nan))).any()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"activation": "sine"}, "activation must be one of"),
        ({"loss": "hinge"}, "loss must be one of"),
        ({"y": [0, 1, 5]}, r"labels must be whole numbers in \[0, 2\)"),
        ({"x": np.zeros((3, 5))}, r"x must be \(n, 4\)"),
        ({"widths": [4]}, "at least the features"),
        ({"start": np.zeros(3)}, "start must have"),
    ],
)
def test_wrong_arguments_are_named(change, words):
    given = {"widths": [4, 2], "x": np.zeros((3, 4)), "y": [0, 1, 1], "loss": "cross_entropy"} | change

    with pytest.raises(SdesimError, match=words):
        MLP(**given)
