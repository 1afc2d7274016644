"""Quantile tables of the stable and tempered law against independent distribution functions."""

import math

import numpy as np
import pytest
from scipy import special

import sdesim
from sdesim.stable.sampling.constants import has_table
from sdesim.stable.sampling.tables import radius_table, stable_table, tempered_table
from sdesim.stable.sampling.tempered import Tempered
from tests.noise.fourier import fourier_tail
from tests.stable.sampling.quantiles import grid, quantiles


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


# Corners of all laws that are drawn by inversion unless another way is asked for.
DEFAULTS = [
    (0.3, 0.0), (0.4, 0.0), (0.4, 0.5), (0.4, -0.99), (0.4, 1.0), (0.7, 0.9), (0.9, -1.0), (0.999, 0.99),
    (1.0, -0.3), (1.0, 1.0), (1.0001, 0.9), (1.2, 0.0), (1.5, -0.99), (1.8, 1.0), (1.99, 0.0), (1.9999, 0.5),
]  # fmt: skip


@pytest.mark.parametrize(("alpha", "beta"), DEFAULTS)
def test_quantiles_of_default_laws_are_exact_from_the_middle_to_the_smallest_uniform(alpha, beta):
    small = (np.array([0, 1, 5, 1000, 2**20, 2**32, 2**45, 2**50]) + 0.5) * 2.0**-52
    u = np.concatenate([small, grid(20)[:20], 1.0 - small])

    x = quantiles(stable_table(alpha, beta), u)

    assert has_table(alpha, beta)
    above, below = (f(x, alpha, beta, parametrization="S0") for f in (sdesim.stable.sf, sdesim.stable.cdf))
    wrong = np.where(u < 0.5, below - u, above - (1 - u))
    assert np.abs(wrong).max() < 1.2e-12
    # The tails keep their relative accuracy, down to 2⁻⁵³.
    v = np.minimum(u, 1 - u)
    tail = v < 1e-7
    assert np.abs(wrong[tail] / v[tail]).max() < 1e-6


@pytest.mark.parametrize("alpha", [0.4, 0.7, 1.0, 1.5, 1.9, 1.99])
def test_u_error_of_the_table_of_isotropic_radii_is_below_1e_minus_12(alpha):
    half = alpha / 2
    scale = math.cos(math.pi * half / 2) ** (1 / half)
    u = np.concatenate([(np.arange(20) + 0.5) / 20, (np.array([0, 3, 1000, 2**30]) + 0.5) * 2.0**-52])
    u = np.concatenate([u, 1 - u[-4:]])

    radius = quantiles(radius_table(alpha), u)

    above, below = (f(radius**2 / 2, half, 1.0, scale=scale) for f in (sdesim.stable.sf, sdesim.stable.cdf))
    wrong = np.where(u < 0.5, below - u, above - (1 - u))
    assert has_table(alpha, 0.0, isotropic=True)
    assert np.abs(wrong).max() < 1.5e-12
