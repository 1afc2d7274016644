"""Quantile tables: accuracy against independent distribution functions, and the tempered laws they draw."""

import math

import numpy as np
import pytest
from scipy import special

from sdesim.compiled.jit import compiled
from sdesim.errors import SdesimError
from sdesim.noise import Stable, increments, sample_stable
from sdesim.noise.laws.inversion import build_table
from sdesim.noise.laws.tables import stable_table, stable_tail, tempered_table
from sdesim.noise.laws.tempered import Tempered
from sdesim.noise.levy.inversion_kernels import quantile
from tests.noise.fourier import fourier_tail


@compiled
def from_table(u, coefficients, bits):
    """x(u) by the compiled look-up."""
    out = np.empty(u.size)
    table = coefficients.reshape(coefficients.size)
    for i in range(u.size):
        out[i] = quantile(u[i], table, np.uint64(0), np.uint64(bits))
    return out


def quantiles(table, u):
    """x(u) of a table."""
    return from_table(np.asarray(u), table.coefficients, table.bits)


def grid(n, seed=1):
    """Uniforms (k + ½) 2⁻⁵²: over the whole range, and towards both ends and the middle."""
    rng = np.random.default_rng(seed)
    small = 2.0 ** rng.uniform(-52, -1, n)
    u = np.concatenate([rng.random(n), small, 1 - small, 0.5 + small / 2, 0.5 - small / 2])
    return (np.clip(np.floor(u * 2.0**52), 0, 2.0**52 - 1) + 0.5) * 2.0**-52


@pytest.mark.parametrize(
    ("alpha", "beta"),
    [
        (0.3, 0.0), (0.5, 0.5), (0.9, -1.0), (0.999, 0.0), (1.0, 0.5), (1.0, -1.0),
        (1.001, 0.0), (1.5, 0.0), (1.5, 1.0), (1.9, -0.5), (1.999, 0.5),
    ],
)  # fmt: skip
def test_u_error_of_the_stable_table_is_below_1e_minus_12_by_an_independent_distribution_function(
    alpha, beta
):
    table = stable_table(alpha, beta)
    u = (np.floor(np.linspace(0.04, 0.96, 23) * 2.0**52) + 0.5) * 2.0**-52

    x = quantiles(table, u)

    exact = 1.0 - np.array([fourier_tail(value, alpha, beta) for value in x])
    assert table.u_error <= 1e-12
    # The reference itself is good to about 1e-14, and to 1e-13 where tan(πα/2) is large.
    assert np.abs(exact - u).max() < 1.2e-12


def test_quantiles_of_the_cauchy_and_the_levy_law_are_exact_into_the_far_tails():
    u = grid(2000)

    cauchy = quantiles(stable_table(1.0, 0.0), u)
    levy = quantiles(stable_table(0.5, 1.0), u)

    v = np.minimum(u, 1 - u)
    # x ≈ 1/(πv) in the tail, so its relative error is that of v; in the body π · 1e-12 at most.
    np.testing.assert_allclose(np.abs(cauchy), 1 / np.tan(math.pi * v), rtol=1e-10, atol=4e-12)
    clear = np.abs(u - 0.5) > 1e-12
    assert np.array_equal(cauchy[clear] > 0, u[clear] > 0.5)
    # S₀.₅(1, 1) in S1 is 1/G² with G normal; S0 is less by tan(π/4) = 1. P(X ≤ x) = erfc(1/√(2x)).
    below = special.erfc(1 / np.sqrt(2 * np.maximum(levy + 1.0, 1e-300)))
    above = special.erf(1 / np.sqrt(2 * np.maximum(levy + 1.0, 1e-300)))
    assert np.abs(np.where(u < 0.5, below - u, above - (1 - u))).max() < 1e-12
    far = u > 1 - 2.0**-20
    np.testing.assert_allclose(above[far], 1 - u[far], rtol=1e-8)


@pytest.mark.parametrize("alpha", [0.3, 0.7, 1.0, 1.6])
def test_quantile_is_increasing_and_odd_without_skew(alpha):
    u = np.sort(grid(20_000))

    x = quantiles(stable_table(alpha, 0.0), u)

    np.testing.assert_array_equal(x, -quantiles(stable_table(alpha, 0.0), 1 - u))
    # The two sides meet at the median, where each has an error of 1e-12 over the density, at least 0.28.
    assert np.all(np.diff(x) > -4e-12)


def test_stable_tails_at_alpha_2_are_gaussian_and_continuous_in_alpha_through_1():
    x = np.array([0.1, 0.7, 2.0, 5.0])

    np.testing.assert_allclose(stable_tail(2.0, 0.0)(x), special.erfc(x / 2) / 2, rtol=1e-12)
    for beta in (-1.0, 0.5):
        at_1 = stable_tail(1.0, beta)(x)
        for epsilon in (1e-12, -1e-12, 1e-8, -1e-8):
            near = stable_tail(1.0 - epsilon, beta)(x)
            # dS/dα is at most about 1 here.
            np.testing.assert_allclose(near, at_1, rtol=0, atol=3 * abs(epsilon) + 1e-14)


def test_a_law_whose_table_can_not_reach_the_u_error_is_refused():
    with pytest.raises(SdesimError, match=r"u-error of .* only, not 1e-12"):
        build_table(stable_tail(0.15, 0.0), stable_tail(0.15, 0.0), 1.0)


@pytest.mark.parametrize(("alpha", "beta"), [(0.6, 0.5), (1.5, 0.0)])
def test_draws_by_inversion_and_by_chambers_mallows_stuck_have_one_law(alpha, beta):
    n = 400_000

    inverted = sample_stable(alpha, beta, n, seed=4, scale=2.0, loc=0.3, method="inversion")
    reference = sample_stable(alpha, beta, n, seed=5, scale=2.0, loc=0.3)

    values = np.sort(np.concatenate([inverted, reference]))
    first = np.searchsorted(np.sort(inverted), values, side="right")
    second = np.searchsorted(np.sort(reference), values, side="right")
    # Kolmogorov–Smirnov with 2 e^{−2 m d²} ≤ 1e-6, m = n/2: d ≤ 2.69/√m.
    assert np.abs(first - second).max() / n < 2.69 / math.sqrt(n / 2)


def draws(noise, dim, n, dt, seed):
    """(n, dim) increments over dt."""
    return increments(noise.kernel(dim, dt, dt), dim, n // 2, 2, seed=seed).reshape(-1, dim)


def z_score(sample, exact):
    """Of a mean of complex numbers, by its larger part."""
    error = sample.mean() - exact
    root = math.sqrt(sample.size)
    return max(
        abs(error.real) / (sample.real.std() / root), abs(error.imag) / (sample.imag.std() / root + 1e-300)
    )


def tempered_cumulant(u, alpha, beta, lam):
    """log E e^{iuX} per unit of dt σ^α: Σ c± Γ(−α)[(λ ∓ iu)^α − λ^α (± iu α λ^{α−1} where α > 1)]."""
    total = 0.0
    for side, weight in ((1.0, (1 + beta) / 2), (-1.0, (1 - beta) / 2)):
        z = lam - side * 1j * u
        if alpha == 1.0:
            total += 2 / math.pi * weight * (z * np.log(z) - lam * math.log(lam))
        else:
            drift = side * 1j * u * alpha * lam ** (alpha - 1) if alpha > 1 else 0.0
            total -= weight / math.cos(math.pi * alpha / 2) * (z**alpha - lam**alpha + drift)
    return total


@pytest.mark.parametrize(
    ("alpha", "beta", "lam"),
    [(0.5, 1.0, 2.0), (0.9, 0.5, 0.3), (1.0, -0.6, 1.0), (1.5, 0.0, 4.0), (1.7, 0.8, 0.5)],
)
def test_tempered_increments_have_the_exact_characteristic_function(alpha, beta, lam):
    dt, sigma, n = 0.2, 0.6, 400_000

    x = draws(Stable(alpha, sigma, skew=beta, tempering=lam), 1, n, dt, 7)[:, 0]

    for u in (0.7, 3.0, 9.0):
        exact = np.exp(dt * sigma**alpha * tempered_cumulant(u, alpha, beta, lam))
        assert z_score(np.exp(1j * u * x), exact) < 5


def test_gt28_symmetric_tempered_stable_has_the_closed_form_variance_and_fourth_cumulant():
    alpha, c, lam, dt = 1.2, 0.5, 1.0, 1.0
    # σ^α is such that each side of the Lévy measure has the constant c.
    sigma = (-2 * c * special.gamma(-alpha) * math.cos(math.pi * alpha / 2)) ** (1 / alpha)
    variance = 2 * c * special.gamma(2 - alpha) * lam ** (alpha - 2) * dt
    fourth = 2 * c * special.gamma(4 - alpha) * lam ** (alpha - 4) * dt + 3 * variance**2

    x = draws(Stable(alpha, sigma, tempering=lam), 1, 1_000_000, dt, 28)[:, 0]

    assert variance == pytest.approx(1.16423, rel=1e-5)
    assert fourth == pytest.approx(5.742783, rel=1e-5)
    assert z_score(x**2 + 0j, variance) < 5
    assert z_score(x**4 + 0j, fourth) < 5


@pytest.mark.parametrize(("alpha", "beta", "lam"), [(0.8, 0.5, 0.3), (1.2, 0.0, 1e-3), (1.6, -0.7, 2.0)])
def test_moments_of_the_tempered_quantile_table_are_the_closed_forms(alpha, beta, lam):
    table, law = tempered_table(alpha, beta, lam), Tempered(alpha, beta, lam)
    # Gauss–Legendre on each of 53 octaves of v, on both sides.
    nodes, weights = np.polynomial.legendre.leggauss(40)
    low = 2.0 ** -np.arange(2.0, 54.0)
    v = (low[:, None] * (1.5 + 0.5 * nodes)).ravel()
    w = (low[:, None] * 0.5 * weights).ravel()
    above, below = quantiles(table, 1 - v), quantiles(table, v)

    mean = w @ (above + below) + law.location
    second = w @ ((above + law.location - mean) ** 2 + (below + law.location - mean) ** 2)

    kappa = -1 / (special.gamma(-alpha) * math.cos(math.pi * alpha / 2))
    exact = 0.0 if alpha > 1 else kappa * beta * special.gamma(1 - alpha) * lam ** (alpha - 1)
    # u-error 1e-12 times the largest x², about (36/λ)², over the variance; v below 2⁻⁵³ is left out.
    assert mean == pytest.approx(exact, abs=1e-8 * law.deviation)
    assert second == pytest.approx(kappa * special.gamma(2 - alpha) * lam ** (alpha - 2), rel=1e-6)


def test_two_tempered_steps_have_the_law_of_one_step_of_twice_the_length():
    noise, n = Stable(1.4, 0.5, skew=0.6, tempering=1.5), 400_000

    two = draws(noise, 1, 2 * n, 0.25, 3)[:, 0].reshape(2, n).sum(axis=0)
    one = draws(noise, 1, n, 0.5, 4)[:, 0]

    values = np.sort(np.concatenate([one, two]))
    first = np.searchsorted(np.sort(one), values, side="right")
    second = np.searchsorted(np.sort(two), values, side="right")
    # Kolmogorov–Smirnov, false alarm 1e-6 as above.
    assert np.abs(first - second).max() / n < 2.69 / math.sqrt(n / 2)


@pytest.mark.parametrize(("alpha", "beta"), [(0.7, 0.5), (1.0, 0.5), (1.5, -0.5)])
def test_tempered_law_tends_to_the_stable_law_as_lambda_tends_to_0(alpha, beta):
    u = (np.floor(np.linspace(0.05, 0.95, 19) * 2.0**52) + 0.5) * 2.0**-52

    tempered = draws_at(Stable(alpha, 0.3, skew=beta, tempering=1e-8), u)
    stable = draws_at(Stable(alpha, 0.3, skew=beta, method="inversion"), u)

    # The first correction is of the order λ^min(α, |α − 1|, 1), at α = 1 λ log λ, times x² in the tails.
    order = 1e-7 if alpha == 1.0 else 1e-8 ** min(alpha, abs(alpha - 1.0) if alpha > 1.0 else 1.0)
    assert np.all(np.abs(tempered - stable) < 10 * order * (1 + stable**2))


def draws_at(noise, u):
    """Increments over dt = 1 that belong to the uniforms u."""
    kernel = noise.kernel(1, 1.0, 1.0)
    bits, _, _, scale, shift, _ = kernel.params
    return scale * from_table(u, kernel.data, bits) + shift


def test_coordinates_of_different_scale_are_each_tempered_at_the_stated_length():
    alpha, lam, sigma, n = 1.3, 2.0, np.array([0.2, 1.0, 0.0, 0.2]), 200_000

    x = draws(Stable(alpha, sigma, tempering=lam), 4, n, 1.0, 6)

    for k in (0, 1, 3):
        exact = math.exp(sigma[k] ** alpha * tempered_cumulant(2.0, alpha, 0.0, lam).real)
        assert z_score(np.exp(2j * x[:, k]), exact) < 5
    assert np.all(x[:, 2] == 0.0)


def test_isotropic_tempering_gives_the_relativistic_stable_process():
    alpha, lam, sigma, dt, n = 1.4, 3.0, 0.5, 0.5, 200_000

    x = draws(Stable(alpha, sigma, structure="isotropic", tempering=lam), 2, n, dt, 9)

    for u in (np.array([1.0, 0.0]), np.array([2.0, -3.0])):
        square = float(u @ u)
        exact = math.exp(-dt * sigma**alpha * ((square + lam**2) ** (alpha / 2) - lam**alpha))
        assert z_score(np.exp(1j * (x @ u)), exact) < 5


def test_truncation_of_inverted_and_tempered_draws_clips_or_draws_again():
    free = draws(Stable(1.2, 1.0, tempering=0.1), 1, 100_000, 0.1, 5)
    clipped = draws(Stable(1.2, 1.0, tempering=0.1, truncation=0.5), 1, 100_000, 0.1, 5)
    rejected = draws(Stable(1.2, 1.0, tempering=0.1, truncation=0.5, rule="reject"), 1, 100_000, 0.1, 5)

    inside = np.abs(free) <= 0.5
    np.testing.assert_array_equal(clipped, np.clip(free, -0.5, 0.5))
    np.testing.assert_array_equal(rejected[inside], free[inside])
    assert np.abs(rejected).max() <= 0.5
    # The redrawn ones follow the law inside: share below the quartile, 5 standard errors.
    redrawn = rejected[~inside]
    quartile = np.quantile(free[inside], 0.25)
    assert abs(np.mean(redrawn < quartile) - 0.25) < 5 * math.sqrt(0.25 * 0.75 / redrawn.size)
