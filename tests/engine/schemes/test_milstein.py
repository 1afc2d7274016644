"""Milstein's step against its NumPy twin, and the noises that it refuses."""

import numpy as np
import pytest

import sdesim
from sdesim import SDE, noise, sdes
from sdesim.engine import drive
from sdesim.errors import SdesimError
from tests.engine.plans import planned
from tests.engine.schemes.twins import ADDITIVE, DT, GAUSSIAN, MULTIPLICATIVE, PRODUCT, WELL, against_twin


def milstein(x, v, i, j, grad, at, rate):
    if rate == 0:
        return x - DT * grad(x) + i, v
    return x - DT * grad(x) + x * i + 0.5 * x * (i**2 - rate * DT), v


@pytest.mark.parametrize("case", [ADDITIVE, PRODUCT], ids=["additive", "multiplicative"])
def test_a_step_of_milstein_is_that_of_its_numpy_twin(case):
    against_twin(case, "milstein", milstein)


def test_milstein_refuses_additive_and_multiplicative_noise_together():
    with pytest.raises(SdesimError, match="'milstein' takes additive or multiplicative noise, not both"):
        sdesim.simulate(WELL, [GAUSSIAN, MULTIPLICATIVE], dt=0.1, steps=1, scheme="milstein")


SHARES = np.array([[0.3, 0.2], [0.1, 0.4]])
# Two prices on two Wiener processes that both share: the columns commute.
BASKET = SDE(
    lambda t, x: (0.05 * x[0], 0.02 * x[1]),
    lambda t, x: ((0.3 * x[0], 0.2 * x[0]), (0.1 * x[1], 0.4 * x[1])),
    dim=2,
    start=[1.0, 2.0],
)


def test_a_step_on_diagonal_noise_has_its_slope_to_the_error_of_differences():
    mu, sigma = np.array([0.3, -0.2]), np.array([0.4, 0.9])
    dw = np.sqrt(DT) * np.random.default_rng(0).standard_normal((20, 5, 2))
    path = drive(sdes.GeometricBrownian(mu, sigma), [], 1.0, dw, dt=DT, scheme="milstein")

    factors = 1.0 + mu * DT + sigma * dw + 0.5 * sigma**2 * (dw**2 - DT)
    np.testing.assert_allclose(path, np.cumprod(factors, axis=0), rtol=1e-9)


def test_a_step_on_commuting_noise_has_all_its_products_and_no_bit_of_its_neighbours():
    dw = np.sqrt(DT) * np.random.default_rng(0).standard_normal((20, 5, 2))
    path = drive(BASKET, [], BASKET.start, dw, dt=DT, scheme="milstein")

    # With b_j = (S_1j x₁, S_2j x₂) all products are those of the rows: ½ (Σ_j S_kj dW_j)² − ½ Σ_j S_kj² dt.
    rows = dw @ SHARES.T
    factors = 1.0 + np.array([0.05, 0.02]) * DT + rows + 0.5 * (rows**2 - (SHARES**2).sum(axis=1) * DT)
    np.testing.assert_allclose(path, BASKET.start * np.cumprod(factors, axis=0), rtol=1e-9)
    alone = drive(BASKET, [], BASKET.start, dw[:, 3:4], dt=DT, scheme="milstein")
    assert alone[:, 0].tobytes() == path[:, 3].tobytes()


@pytest.mark.parametrize(
    ("sde", "scheme", "orders"),
    [
        (sdes.GeometricBrownian(0.0, 0.5), "milstein", (1.0, 1.0)),
        (sdes.GeometricBrownian(0.0, 0.5), "euler-maruyama", (0.5, 1.0)),
        (sdes.OrnsteinUhlenbeck(1.0, [[1.0, 0.5]]), "euler-maruyama", (1.0, 1.0)),
        (sdes.OrnsteinUhlenbeck(1.0, 1.0), "sra1", (1.5, 2.0)),
    ],
)
def test_a_plan_knows_the_orders_that_its_scheme_states(sde, scheme, orders):
    assert planned(sde, [], dt=0.1, steps=2, scheme=scheme).orders == orders


def test_given_increments_are_left_as_they_are():
    dw = np.full((1, 1, 1), 0.1)
    drive(sdes.GeometricBrownian(0.0, 0.5), [], 1.0, dw, dt=DT, scheme="milstein")
    assert dw.item() == 0.1


@pytest.mark.parametrize(
    ("sde", "noises", "message"),
    [
        (sdes.Heston(0.0, 1.0, 1.0, 0.5, 0.3, 1.0), [], "columns don't commute: strong order 1 would need"),
        (BASKET, [noise.Gaussian(0.1)], "noise beside the equation's own, allowed: none with scheme 'mil"),
    ],
)
def test_milstein_refuses_noise_that_does_not_commute(sde, noises, message):
    with pytest.raises(SdesimError, match=message):
        sdesim.simulate(sde, noises, dt=0.1, steps=1, scheme="milstein", progress=False)
