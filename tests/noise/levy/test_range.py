"""Stable draws over the whole range of α and β against exact distribution functions."""

import math

import numpy as np
import pytest

from sdesim.noise import Stable, increments, sample_stable
from tests.noise.fourier import fourier_tail

ALPHAS = (0.3, 0.5, 0.9, 0.999, 1.0, 1.001, 1.5, 1.9, 1.999, 2.0)
N = 100_000


def draws(noise, dim, n, dt, seed):
    """(n, dim) increments over dt."""
    return increments(noise.kernel(dim, dt, dt), dim, n // 2, 2, seed=seed).reshape(-1, dim)


@pytest.mark.parametrize("sampler", [None, "cms"])
@pytest.mark.parametrize("beta", [0.0, 0.5, -0.5, 1.0, -1.0])
@pytest.mark.parametrize("alpha", ALPHAS)
def test_gt14_shares_of_s0_draws_beyond_points_are_the_exact_tail_probabilities(alpha, beta, sampler):
    x = sample_stable(alpha, beta, N, seed=140, parametrization="S0", sampler=sampler)

    for point in (-4.0, -0.6, 0.2, 1.5, 6.0):
        p = fourier_tail(point, alpha, beta)
        # Five standard errors √(p(1 − p)/N), false alarm below 1e-6, and one draw where p is next to nothing.
        assert abs(np.mean(x > point) - p) < 5 * math.sqrt(max(p * (1 - p), 0.0) / N) + 1 / N


@pytest.mark.parametrize("beta", [0.0, 0.5, -1.0])
@pytest.mark.parametrize("alpha", ALPHAS)
def test_gt04_increments_have_the_exact_s1_characteristic_function(alpha, beta):
    dt, sigma, u = 0.2, 0.7, 1.3
    skew = beta if alpha < 2 else 0.0

    x = draws(Stable(alpha, sigma, skew=skew), 1, N, dt, 41)[:, 0]

    odd = -2 / math.pi * math.log(u) if alpha == 1.0 else math.tan(math.pi * alpha / 2)
    exact = np.exp(-dt * sigma**alpha * u**alpha * (1 - 1j * skew * odd))
    sample = np.exp(1j * u * x)
    assert abs(sample.real.mean() - exact.real) < 5 * sample.real.std() / math.sqrt(N)
    assert abs(sample.imag.mean() - exact.imag) < 5 * sample.imag.std() / math.sqrt(N)


@pytest.mark.parametrize("structure", ["independent", "isotropic"])
def test_variance_at_alpha_2_is_2_sigma_squared_dt(structure):
    sigma, dt = 0.7, 0.3

    x = draws(Stable(2.0, sigma, structure=structure), 2, N, dt, 2)

    # Five standard errors √(2/N) of a variance.
    np.testing.assert_allclose(x.var(axis=0), 2 * sigma**2 * dt, rtol=5 * math.sqrt(2 / N))


@pytest.mark.parametrize("sampler", [None, "cms"])
@pytest.mark.parametrize("alpha", [0.3, 0.4, 1.0, 1.5, 1.95])
def test_gt15_length_of_isotropic_increments_has_the_exact_radial_law(alpha, sampler):
    n, u, dim = N, 0.9, 3

    x = draws(Stable(alpha, 1.0, structure="isotropic", sampler=sampler), dim, n, 1.0, 15)

    # The mean of e^{iu·X} over directions of u is sin(uR)/(uR) in three dimensions.
    wave = np.sinc(u * np.linalg.norm(x, axis=1) / math.pi)
    assert abs(wave.mean() - math.exp(-(u**alpha))) < 5 * wave.std() / math.sqrt(n)


@pytest.mark.parametrize(("alpha", "beta"), [(0.7, 0.5), (1.5, 0.0)])
def test_clipping_puts_the_exact_tail_probabilities_on_the_bounds(alpha, beta):
    limit, dt = 0.8, 0.1
    scale = dt ** (1 / alpha)
    shift = beta * math.tan(math.pi * alpha / 2)

    x = draws(Stable(alpha, 1.0, skew=beta, truncation=limit), 1, N, dt, 8)[:, 0]

    above = fourier_tail(limit / scale - shift, alpha, beta)
    below = 1 - fourier_tail(-limit / scale - shift, alpha, beta)
    for share, p in ((np.mean(x == limit), above), (np.mean(x == -limit), below)):
        assert abs(share - p) < 5 * math.sqrt(p * (1 - p) / N)


def test_rejection_of_isotropic_cauchy_increments_follows_the_law_inside_the_disc():
    limit, r = 2.0, 1.0

    x = draws(Stable(1.0, 1.0, structure="isotropic", truncation=limit, rule="reject"), 2, N, 1.0, 3)

    # P(R > r) = (1 + r²)^{−½} in two dimensions.
    exact = (1 - (1 + r * r) ** -0.5) / (1 - (1 + limit * limit) ** -0.5)
    share = np.mean(np.linalg.norm(x, axis=1) <= r)
    assert abs(share - exact) < 5 * math.sqrt(exact * (1 - exact) / N)
