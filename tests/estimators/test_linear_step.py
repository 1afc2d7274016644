"""The step u = u₀ − A g of any optimizer: exact on quadratics, where its moments have closed forms."""

import numpy as np
import pytest
from scipy.linalg import solve_discrete_lyapunov

from sdesim.estimators.consolidation.linear_step import change_of_step, process_of_step

DIM = 3
RNG = np.random.default_rng(5)
MIXED = RNG.standard_normal((DIM, DIM))
HESSIAN = MIXED @ MIXED.T / 3 + 0.2 * np.eye(DIM)
ROOT = np.array([[1.0, 0.2, 0.0], [0.4, 0.7, 0.1], [0.0, -0.3, 1.2]])
SIGMA = ROOT @ ROOT.T
N = 12


def exact_draws(mean, rng):
    """N draws whose sample mean is `mean` and whose unbiased sample covariance is SIGMA, to rounding."""
    white = rng.standard_normal((N, DIM))
    white -= white.mean(axis=0)
    white = white @ np.linalg.inv(np.linalg.cholesky(white.T @ white / (N - 1))).T
    return mean + white @ ROOT.T


def stationary(theta_row, noise_row, memory):
    """Covariance of θ where z ← M z + G ξ, z = (θ, m), ξ of covariance SIGMA."""
    step, noise = np.block(theta_row), np.vstack(noise_row)
    assert np.abs(np.linalg.eigvals(step)).max() < 1
    return solve_discrete_lyapunov(step, noise @ SIGMA @ noise.T)[:DIM, :DIM], memory


def heavy_ball(eta, beta, dampening, scale):
    """m ← βm + (1 − t) g, θ ← θ − (η/P) m of H θ + ξ, written out."""
    one, zero, a = np.eye(DIM), 1 - dampening, np.diag(eta / scale)
    rows = [[one - zero * a @ HESSIAN, -beta * a], [zero * HESSIAN, beta * one]]
    return stationary(rows, [-zero * a, zero * one], None)[0]


def nesterov(eta, beta, scale):
    """m ← βm + g, θ ← θ − (η/P)(g + βm)."""
    one, a = np.eye(DIM), np.diag(eta / scale)
    rows = [[one - (1 + beta) * a @ HESSIAN, -(beta**2) * a], [HESSIAN, beta * one]]
    return stationary(rows, [-(1 + beta) * a, one], None)[0]


def mean_gap(covariance, whole, damping, lookahead):
    """Mean of D/N − W/N over the stationary law, by points that have its second moments exactly.

    μ itself is known only with the draws' noise, whose share is taken out: so the points carry it too.
    """
    held = HESSIAN @ covariance @ HESSIAN + SIGMA / N
    points = np.sqrt(DIM) * np.linalg.cholesky(held).T
    rng, gaps, ratios = np.random.default_rng(1), [], []
    for mean in (*points, *-points):
        draws = exact_draws(mean, rng)
        centred = draws - draws.mean(axis=0)
        d = whole * draws.mean(axis=0)
        bent = HESSIAN @ d
        scaled = centred * whole
        found = process_of_step(
            draws, whole, np.zeros(DIM), np.full(DIM, damping), np.full(DIM, lookahead), bent,
            damping * float(d @ bent), scaled, scaled @ HESSIAN,
        )  # fmt: skip
        gaps.append(found.ratio.value - found.bend - found.spread.value)
        ratios.append(found.ratio.value)
    return float(np.mean(gaps)), float(np.mean(ratios))


@pytest.mark.parametrize("scale", [np.ones(DIM), np.array([0.5, 1.0, 3.0])], ids=["plain", "preconditioned"])
@pytest.mark.parametrize(
    ("beta", "dampening"), [(0.0, 0.0), (0.9, 0.0), (0.9, 0.9), (0.5, 0.3), (0.97, 0.0)]
)  # fmt: skip
@pytest.mark.parametrize("eta", [0.01, 0.1, 0.3])
def test_c_equals_c_star_in_the_stationary_state_of_heavy_ball(eta, beta, dampening, scale):
    covariance = heavy_ball(eta, beta, dampening, scale)

    whole = eta * (1 - dampening) / (1 - beta) / scale
    gap, ratio = mean_gap(covariance, whole, (1 - beta) / (1 + beta), 0.0)

    # Exact but for rounding.
    assert abs(gap) < 1e-9 * max(ratio, 1.0)
    assert ratio > 0


@pytest.mark.parametrize("scale", [np.ones(DIM), np.array([0.5, 1.0, 3.0])], ids=["plain", "preconditioned"])
@pytest.mark.parametrize("beta", [0.5, 0.9, 0.97])
@pytest.mark.parametrize("eta", [0.01, 0.1, 0.2])
def test_c_equals_c_star_in_the_stationary_state_of_nesterov(eta, beta, scale):
    covariance = nesterov(eta, beta, scale)

    damping = (1 - beta) * (1 + 2 * beta) / (1 + beta)
    gap, ratio = mean_gap(covariance, eta / (1 - beta) / scale, damping, beta)

    assert abs(gap) < 1e-9 * max(ratio, 1.0)


def test_the_change_of_one_step_on_a_quadratic_is_its_mean_over_the_noise():
    rng = np.random.default_rng(3)
    theta, start = rng.standard_normal(DIM), rng.standard_normal(DIM)
    now = np.array([0.3, 0.1, 0.7])
    mean = HESSIAN @ theta
    # The mean of a quadratic over the step's noise needs its second moments alone: these draws hold them.
    steps = start - now * (mean + np.concatenate([ROOT.T, -ROOT.T]) * np.sqrt(DIM))
    truth = np.mean([u @ mean + 0.5 * u @ HESSIAN @ u for u in steps])

    found = []
    # ḡ = μ ± what makes its mean square that of a mean of N draws.
    for shift in (*ROOT.T, *-ROOT.T):
        draws = exact_draws(mean + shift * np.sqrt(DIM / N), rng)
        centred = draws - draws.mean(axis=0)
        u = start - now * draws.mean(axis=0)
        change, spread = change_of_step(
            draws, now, start, HESSIAN @ u, centred * now, (centred * now) @ HESSIAN
        )
        found.append(change.value + spread.value)

    np.testing.assert_allclose(np.mean(found), truth, rtol=1e-10)


def test_errors_shrink_with_the_draws_and_cover_them():
    rng = np.random.default_rng(8)
    mean, start, now = np.array([0.5, -0.2, 0.1]), np.array([0.1, 0.0, -0.3]), np.array([0.2, 0.4, 0.1])
    values, errors = [], []
    for _ in range(400):
        draws = mean + rng.standard_normal((40, DIM)) @ ROOT.T
        centred = draws - draws.mean(axis=0)
        u = start - now * draws.mean(axis=0)
        change, _ = change_of_step(draws, now, start, HESSIAN @ u, centred * now, (centred * now) @ HESSIAN)
        values.append(change.value)
        errors.append(change.error)

    # The spread of 400 values is known to 1/√800 = 3.5%, the mean square of errors to about 2%: 5 of these.
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(values), rel=0.2)
