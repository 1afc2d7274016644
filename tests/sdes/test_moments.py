"""Every shipped equation against its own exact moments: their differential equations, and simulation."""

import math

import numpy as np
import pytest

import sdesim
from sdesim import sdes, surfaces
from sdesim.errors import SdesimError
from sdesim.kinds import kinds_of

A, B = np.array([[1.0, 0.6], [-0.4, 0.8]]), np.array([[0.5, 0.1, 0.0], [0.0, 0.3, 0.4]])
MATRIX = sdes.OrnsteinUhlenbeck(A, B, [0.5, -0.5])
GEOMETRIC = sdes.GeometricBrownian([0.3, -0.2], 0.4)
ROOT = sdes.CoxIngersollRoss(1.5, 0.8, 0.4)
HESTON = sdes.Heston(0.1, 2.0, 0.3, 0.4, -0.6, 0.2)
CASES = {
    "ou": (MATRIX, [2.0, 1.0]),
    "gbm": (GEOMETRIC, [1.0, 2.0]),
    "cir": (ROOT, [2.0]),
    "heston": (HESTON, None),
}


def slope_of_moments(sde, t, start):
    """Central difference of mean and covariance in t."""
    h = 1e-4
    late, early = sde.moments(t + h, start), sde.moments(t - h, start)
    return (late.mean - early.mean) / (2 * h), (late.covariance - early.covariance) / (2 * h)


def test_moments_of_the_matrix_form_solve_their_equations():
    mean, cov = MATRIX.moments(0.7, [2.0, 1.0])
    slope, bend = slope_of_moments(MATRIX, 0.7, [2.0, 1.0])
    assert np.allclose(slope, A @ (MATRIX.start - mean), rtol=1e-6)
    assert np.allclose(bend, -A @ cov - cov @ A.T + B @ B.T, rtol=1e-6, atol=1e-8)
    rest = MATRIX.moments(math.inf)
    assert np.allclose(A @ rest.covariance + rest.covariance @ A.T, B @ B.T)
    assert np.allclose(MATRIX.moments(40.0).covariance, rest.covariance)


def test_moments_of_the_square_root_solve_their_equations():
    mean, cov = ROOT.moments(0.7, 2.0)
    slope, bend = slope_of_moments(ROOT, 0.7, 2.0)
    assert np.allclose(slope, 1.5 * (0.8 - mean), rtol=1e-6)
    assert np.allclose(bend, -3.0 * cov + 0.16 * mean, rtol=1e-5)
    # The stationary law is a Gamma law of shape 2κm/σ² and variance mσ²/(2κ).
    assert np.isclose(ROOT.moments(math.inf).covariance[0, 0], 0.8 * 0.16 / 3.0)


def test_moments_of_heston_solve_their_equations_and_end_where_they_end():
    mean, cov = HESTON.moments(0.7)
    slope, bend = slope_of_moments(HESTON, 0.7, None)
    assert np.allclose(slope, [0.1 * mean[0], 2.0 * (0.3 - mean[1])], rtol=1e-6)
    second = cov + np.outer(mean, mean)
    # d E[Sv] = ((μ − κ + ρσ) E[Sv] + κ m E S) dt by Itô's formula.
    cross = bend[0, 1] + slope[0] * mean[1] + mean[0] * slope[1]
    assert np.isclose(cross, (0.1 - 2.0 - 0.24) * second[0, 1] + 0.6 * mean[0], rtol=1e-6)
    assert np.isclose(bend[1, 1], -4.0 * cov[1, 1] + 0.16 * mean[1], rtol=1e-5)
    # Without volatility of the variance S is lognormal with ∫ v dt.
    plain = sdes.Heston(0.1, 2.0, 0.3, 0.0, 0.0, 0.2)
    area = 0.3 + (0.2 - 0.3) * -math.expm1(-2.0) / 2.0
    assert np.isclose(plain.moments(1.0).covariance[0, 0], math.exp(0.2) * math.expm1(area), rtol=1e-8)
    assert math.isinf(sdes.Heston(0.0, 0.1, 0.3, 2.0, 0.9, 0.2).moments(5.0).covariance[0, 0])


@pytest.mark.parametrize("name", CASES)
def test_a_simulation_has_the_moments_of_its_equation(name):
    sde, start = CASES[name]
    n, t, dt = 40_000, 0.5, 0.01
    run = sdesim.simulate(
        sde, theta0=start, dt=dt, steps=round(t / dt), trajectories=n, seed=5, save_every=50, progress=False
    )
    x = run["theta"].values[:, -1]
    exact = sde.moments(t, start)

    # Euler–Maruyama is off by at most half dt times the second derivatives in time of a moment; 5 standard
    # errors are passed by chance once in 10⁶, of the few numbers here too.
    error = 5.2 * np.sqrt(np.diag(exact.covariance) / n)
    assert (np.abs(x.mean(axis=0) - exact.mean) < error + 2 * dt * (0.1 + np.abs(exact.mean))).all()
    spread = np.cov(x.T).reshape(exact.covariance.shape)
    scale = np.sqrt(np.outer(np.diag(exact.covariance), np.diag(exact.covariance)))
    # Kurtosis below 12 in all of these.
    assert (np.abs(spread - exact.covariance) < (5.2 * np.sqrt(12 / n) + 4 * dt) * scale).all()


def test_underdamped_motion_has_the_gibbs_law_and_is_the_surface_inside():
    well = surfaces.DoubleWell(dim=1)
    sde = sdes.Underdamped(well, 0.7, 0.4)
    states = np.array([[0.3, -0.2], [1.5, 0.4]])
    force = -well.grad(states[:, :1])[:, 0] - 0.7 * states[:, 1]
    assert np.allclose(sde.drift_at(states), np.stack([states[:, 1], force], axis=-1), rtol=1e-14)
    assert np.allclose(sde.diffusion_at(states), [[[0.0], [math.sqrt(0.56)]]] * 2)
    product = sde.hvp(states, [0.5, -1.0])
    step = np.array([5e-6, -1e-5])
    ahead, behind = sde.grad(states + step), sde.grad(states - step)
    assert np.allclose(product, (ahead - behind) / 2e-5, rtol=1e-6)

    # Var x by quadrature of its own; that of v is the temperature.
    law = sde.moments(math.inf)
    grid = np.linspace(-6, 6, 100_001)
    weight = np.exp(-well.loss(grid[:, None]) / 0.4)
    assert np.isclose(law.covariance[0, 0], (weight @ grid**2) / weight.sum(), rtol=1e-6)
    assert law.covariance[1, 1] == 0.4
    bowl = sdes.Underdamped(surfaces.Quadratic(2.0), 0.7, 0.4).moments(math.inf)
    assert np.isclose(bowl.covariance[0, 0], 0.2, rtol=1e-6)


def test_lorenz_balances_vanish_along_a_long_path():
    sde = sdes.Lorenz(factor=1.0)
    run = sdesim.simulate(sde, dt=5e-4, steps=60_000, trajectories=16, seed=2, save_every=20, progress=False)
    balances = sde.balances(run["theta"].values[:, 200:]).mean(axis=1)

    # 16 independent means; Euler's own bias is below 0.5 of their terms, which are about 200.
    error = balances.std(axis=0, ddof=1) / 4
    assert (np.abs(balances.mean(axis=0)) < 8 * error + 1.0).all()
    with pytest.raises(SdesimError, match="balances"):
        sde.moments(1.0)


@pytest.mark.parametrize("sde", [*(case[0] for case in CASES.values()), sdes.Lorenz(factor=0.5)])
def test_products_of_the_jacobian_are_differences_of_the_drift(sde):
    x, v = sde.start + 0.1 * np.arange(1, sde.dim + 1), np.linspace(-1.0, 0.5, sde.dim)
    found = (sde.grad(x + 1e-6 * v) - sde.grad(x - 1e-6 * v)) / 2e-6
    assert np.allclose(sde.hvp(x, v), found, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("ornstein-uhlenbeck", {"rate": -1.0, "factor": 1.0}, "rate: found -1, allowed: at least 0"),
        (
            "ornstein-uhlenbeck",
            {"rate": [1.0, 2.0], "factor": [1.0, 1.0, 1.0]},
            "rate: found 2 rows, allowed: 3",
        ),
        ("ornstein-uhlenbeck", {"rate": [[1.0, 0.0]], "factor": 1.0}, "rate: found shape .*square"),
        ("geometric-brownian", {"drift": 0.0, "volatility": -0.1}, "volatility: found -0.1"),
        ("cox-ingersoll-ross", {"rate": 0.0, "mean": 1.0, "volatility": 1.0}, "rate: found 0"),
        ("lorenz", {"factor": -1.0}, "factor: found -1"),
        (
            "underdamped",
            {"surface": {"kind": "double-well"}, "friction": -1.0, "temperature": 1.0},
            "friction",
        ),
    ],
)
def test_values_out_of_range_are_refused_in_one_line(name, fields, message):
    with pytest.raises(SdesimError, match=message) as caught:
        kinds_of("sdes")[name](**fields)
    assert "\n" not in str(caught.value)


def test_a_time_below_zero_and_a_law_that_is_not_there_are_refused():
    with pytest.raises(SdesimError, match="t must be a number of at least 0"):
        ROOT.moments(-1.0)
    with pytest.raises(SdesimError, match="no stationary law"):
        GEOMETRIC.moments(math.inf)
    with pytest.raises(SdesimError, match="no stationary law"):
        sdes.OrnsteinUhlenbeck([0.0, 1.0], 1.0).moments(math.inf)
