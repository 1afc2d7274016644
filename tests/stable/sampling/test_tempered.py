"""The tempered stable law: characteristic function, moments, limits."""

import math

import numpy as np
import pytest
from scipy import special

from sdesim.noise import Stable, increments
from tests.stable.sampling.quantiles import from_table


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
    stable = draws_at(Stable(alpha, 0.3, skew=beta, sampler="inversion"), u)

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
