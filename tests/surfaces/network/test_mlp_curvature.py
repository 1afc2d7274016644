"""The network's Hessian products, example gradients and outputs against dense algebra in NumPy."""

import numpy as np
import pytest

from sdesim.surfaces.network.mlp import MLP

# 300 examples take two chunks.
N, WIDTHS = 300, (3, 2, 2)


def network(loss="mse", n=N):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, n) if loss == "cross_entropy" else rng.standard_normal((n, 2))
    return MLP(WIDTHS, rng.standard_normal((n, 3)), y, loss=loss)


def split(theta):
    """W₁, b₁, W₂, b₂ of θ."""
    return theta[:6].reshape(2, 3), theta[6:8], theta[8:12].reshape(2, 2), theta[12:]


def outputs(surface, theta):
    first, b, second, c = split(theta)
    return np.tanh(surface.x @ first.T + b) @ second.T + c


@pytest.fixture(scope="module", params=["mse", "cross_entropy"])
def surface(request):
    return network(request.param)


@pytest.fixture(scope="module")
def dense(surface):
    """∇²L, one product for each coordinate."""
    return surface.hvp(surface.start, np.eye(surface.dim))


def test_outputs_are_those_of_the_layers(surface):
    np.testing.assert_allclose(
        surface.outputs(surface.start), outputs(surface, surface.start), rtol=1e-12, atol=1e-13
    )


def test_products_are_linear_and_those_of_a_symmetric_matrix(surface, dense):
    v = np.random.default_rng(1).standard_normal((3, surface.dim))

    np.testing.assert_allclose(dense, dense.T, rtol=0, atol=1e-14)
    np.testing.assert_allclose(surface.hvp(surface.start, v), v @ dense, rtol=0, atol=1e-13)


def test_curvature_of_the_last_layer_is_that_of_linear_least_squares():
    surface = network()
    first, b, _, _ = split(surface.start)
    hidden = np.concatenate([np.tanh(surface.x @ first.T + b), np.ones((N, 1))], axis=1)

    # L = Σ (W₂a + c − y)²/(2n) over two outputs: each output's weights and bias see aaᵀ/n alone.
    exact = hidden.T @ hidden / N
    for output in range(2):
        own = [8 + 2 * output, 9 + 2 * output, 12 + output]
        found = surface.hvp(surface.start, np.eye(surface.dim)[own])
        np.testing.assert_allclose(found[:, own], exact, rtol=1e-12)
        other = [8 + 2 * (1 - output), 9 + 2 * (1 - output), 12 + (1 - output)]
        np.testing.assert_allclose(found[:, other], 0.0, rtol=0, atol=1e-15)


def test_an_example_gradient_is_the_outer_product_of_error_and_activation():
    surface = network()
    first, b, second, _ = split(surface.start)
    a = np.tanh(surface.x @ first.T + b)
    error = outputs(surface, surface.start) - surface.y
    back = (error @ second) * (1 - a**2)

    rows = surface.example_gradients(surface.start)

    exact = [
        np.concatenate([np.outer(d, x).ravel(), d, np.outer(e, h).ravel(), e])
        for d, x, e, h in zip(back, surface.x, error, a, strict=True)
    ]
    # 2 (W₂a + c − y) over two outputs.
    np.testing.assert_allclose(rows, exact, rtol=1e-11, atol=1e-13)
