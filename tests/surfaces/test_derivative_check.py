"""Derivatives held against differences: slips are found, kinks and rough values refuse nothing."""

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.surfaces import custom
from sdesim.surfaces.derivative_check import check_gradient, check_product, slope_along, wrong_product


def _quartic(t):
    return float(np.sum(t**4) + t[0] * t[-1])


def _quartic_slope(t):
    out = 4.0 * t**3
    out[0] += t[-1]
    out[-1] += t[0]
    return out


@pytest.mark.parametrize("dim", [2, 5, 64, 65, 10_000])
def test_a_slip_in_one_coordinate_is_named_at_any_dimension(dim):
    start = np.linspace(0.5, 1.5, dim)
    check_gradient(_quartic, _quartic_slope, start)
    k = dim // 2

    def slip(t):
        out = _quartic_slope(t)
        out[k] *= 3.0
        return out

    with pytest.raises(SdesimError, match=rf"not the gradient of loss: .*coordinate {k}, grad is") as caught:
        check_gradient(_quartic, slip, start)
    numbers = str(caught.value).rpartition("grad is ")[2].split(", the central difference of loss is ")
    grad, found = map(float, numbers)
    assert grad == pytest.approx(3.0 * found, rel=1e-4)
    assert "\n" not in str(caught.value)


def test_a_wrong_gradient_is_found_where_it_is_right_at_the_start():
    """Both vanish at the origin, where a surface starts by default."""
    with pytest.raises(SdesimError, match="coordinate 0"):
        check_gradient(lambda t: float(t @ t), lambda t: 3.0 * t, np.zeros(1))


def test_the_cost_at_many_coordinates_is_about_seven_values_a_point():
    calls = 0

    def loss(t):
        nonlocal calls
        calls += 1
        return _quartic(t)

    check_gradient(loss, _quartic_slope, np.full(1000, 0.3))

    # Twice: one to see that it is finite, one at the point, two for each of three steps.
    assert calls == 2 * (1 + 1 + 6)


def _hinge(t):
    return float(np.abs(t).sum())


def _network(t):
    """A ReLU network whose inner layer has many kinks close to any point."""
    w = t.reshape(8, 4)
    x = np.random.default_rng(0).standard_normal((200, 4))
    return float(np.mean(np.maximum(x @ w.T, 0.0).sum(axis=1) ** 2))


def _network_slope(t):
    w = t.reshape(8, 4)
    x = np.random.default_rng(0).standard_normal((200, 4))
    z = x @ w.T
    out = 2.0 * np.maximum(z, 0.0).sum(axis=1)[:, None] * (z > 0) / len(x)
    return (out.T @ x).reshape(-1)


@pytest.mark.parametrize(
    ("loss", "grad", "start"),
    [
        (_hinge, np.sign, np.zeros(3)),
        (_hinge, lambda t: np.where(t >= 0, 1.0, -1.0), np.zeros(3)),
        # relu(t) − relu(−t) = t, whose derivative at 0 comes out as 0 where that of relu is taken as 0.
        (lambda t: float(t.sum()), lambda t: np.where(t == 0.0, 0.0, 1.0), np.zeros(2)),
        (_network, _network_slope, np.random.default_rng(3).standard_normal(32)),
        (_network, _network_slope, np.zeros(32)),
        (lambda t: float(np.floor(50.0 * t).sum()), np.zeros_like, np.full(2, 0.11)),
        (lambda t: float(np.cos(t / 1e-6).sum()), lambda t: -np.sin(t / 1e-6) / 1e-6, np.full(2, 3e-7)),
        (lambda t: 1e9 + float(t @ t), lambda t: 2.0 * t, np.array([0.3, -0.2])),
        (lambda t: float(np.float32(t @ t)), lambda t: 2.0 * t, np.array([0.3, -0.2])),
        (lambda t: float(np.log(t).sum()), lambda t: 1.0 / t, np.full(2, 1e-3)),
        (lambda t: float("nan"), lambda t: 2.0 * t, np.ones(2)),
        (lambda t: 3.0, np.zeros_like, np.ones(2)),
    ],
    ids=["abs", "one side", "composed", "relu", "relu at 0", "steps", "fine", "offset", "float32", "log",
         "nan", "flat"],
)  # fmt: skip
def test_kinks_jumps_and_rough_values_refuse_nothing(loss, grad, start):
    with np.errstate(all="ignore"):
        check_gradient(loss, grad, start)


def test_a_slope_by_differences_is_exact_to_its_error():
    found = slope_along(lambda t: float(np.sin(t[0])), np.array([0.7]), np.array([2.0]))

    assert found is not None
    assert abs(found.value - 2.0 * np.cos(0.7)) <= found.error < 1e-7
    kink = slope_along(lambda t: abs(float(t[0])), np.zeros(1), np.ones(1))
    assert (kink.low, kink.value, kink.high) == (-1.0, 0.0, 1.0)


def test_a_product_that_is_not_the_derivative_of_the_gradient_is_named():
    def hvp(t, v):
        return 3.0 * v

    start = np.array([0.2, 1.0])
    check_product(lambda t: 3.0 * t, hvp, start)
    check_product(lambda t: np.full(2, 0.1), lambda t, v: np.zeros(2), start)
    check_product(lambda t: np.sign(t), lambda t, v: np.zeros(2), np.zeros(2))
    assert wrong_product(lambda t: 3.0 * t, lambda t, v: np.full(2, np.nan), start) is not None
    with pytest.raises(SdesimError, match=r"hvp is not the derivative of grad: at theta = \[.*by diff"):
        check_product(lambda t: 3.0 * t, lambda t, v: np.zeros(2), start)


def test_a_custom_surface_refuses_wrong_derivatives():
    with pytest.raises(SdesimError, match=r"grad is not the gradient of loss.* grad is 0, the central"):
        custom(lambda t: np.sum(t * t), lambda t: 2.0 * t * np.array([1.0, 0.0]), dim=2)
    with pytest.raises(SdesimError, match="hvp is not the derivative of grad"):
        custom(lambda t: np.sum(t * t), lambda t: 2.0 * t, lambda t, v: 3.0 * v, dim=2)
    turning = custom(
        lambda t: np.sum(t * t), lambda t: t[::-1] * np.array([1.0, -1.0]), dim=2, conservative=False
    )
    assert turning.grad([2.0, 3.0]).tolist() == [3.0, -2.0]
    assert custom(lambda t: np.sum(np.abs(t)), lambda t: np.sign(t), dim=2).dim == 2
