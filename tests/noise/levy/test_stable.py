"""Laws of stable increments: structures, skew, truncation."""

import math

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.noise import Gaussian, Stable
from tests.noise.drawing import cos_z, draws


@pytest.mark.parametrize("u", [0.5, 1.0, 3.0])
def test_gt04_gaussian_and_stable_increments_add_to_the_exact_characteristic_function(u):
    dt, alpha, diffusion, sigma = 0.3, 1.3, 0.2, 0.5
    x = draws(Gaussian(diffusion), 1, 400_000, dt, 11, stream=0)[:, 0]

    x = x + draws(Stable(alpha, sigma), 1, 400_000, dt, 11, stream=1)[:, 0]

    assert abs(cos_z(x, u, math.exp(-dt * (diffusion * u**2 + sigma**alpha * u**alpha)))) < 4


def test_gt15_isotropic_and_independent_structures_have_their_own_characteristic_functions():
    alpha, n, corner = 1.5, 400_000, np.array([1.0, 1.0])

    isotropic = draws(Stable(alpha, 1.0, structure="isotropic"), 2, n, 1.0, 15)
    independent = draws(Stable(alpha, 1.0), 2, n, 1.0, 15)

    assert abs(cos_z(isotropic, corner, math.exp(-(2 ** (alpha / 2))))) < 4
    assert abs(cos_z(isotropic, np.array([1.0, 0.0]), math.exp(-1))) < 4
    assert abs(cos_z(independent, corner, math.exp(-2))) < 4


def test_gt15_isotropic_cauchy_leaves_the_disc_with_the_exact_probability():
    n, r = 400_000, 3.0

    x = draws(Stable(1.0, 1.0, structure="isotropic"), 2, n, 1.0, 16)

    p = (1 + r * r) ** -0.5
    assert abs(np.mean(np.hypot(*x.T) > r) - p) < 4 * math.sqrt(p * (1 - p) / n)


def test_stable_at_alpha_2_has_the_bits_of_the_gaussian_with_diffusion_sigma_squared():
    stable = draws(Stable(2.0, 0.5), 3, 1000, 0.01, 4)
    isotropic = draws(Stable(2.0, 0.5, structure="isotropic"), 3, 1000, 0.01, 4)
    gaussian = draws(Gaussian(0.25), 3, 1000, 0.01, 4)

    # σ √(2 dt) and √(2 σ² dt) may round differently in the last place.
    np.testing.assert_allclose(stable, gaussian, rtol=1e-15)
    np.testing.assert_array_equal(stable, isotropic)


def test_skewed_increments_at_alpha_1_have_the_shift_of_the_levy_process():
    # E e^{iuX} over dt is exp(−σ dt |u| (1 + iβ (2/π) sign u log|u|)): the law at 1 to the power dt.
    dt, sigma, beta, u = 0.1, 0.7, 0.8, 1.5

    x = draws(Stable(1.0, sigma, skew=beta), 1, 400_000, dt, 21)[:, 0]

    # S1 of scale σ dt with location μ has exp(−σdt|u|(1 + iβ(2/π) sign u log|u|) + iuμ'), where the shift
    # (2/π)βσdt log(σdt) turns log(σdt|u|) into log|u|.
    exact = np.exp(-sigma * dt * u * (1 + 1j * beta * (2 / math.pi) * math.log(u)))
    sample = np.exp(1j * u * x)
    assert abs(sample.mean() - exact) < 4 * sample.std() / math.sqrt(x.size)


def test_clipped_draws_stay_within_and_are_otherwise_untouched():
    free = draws(Stable(1.2, 1.0), 2, 10_000, 0.1, 5)

    clipped = draws(Stable(1.2, 1.0, truncation=0.5), 2, 10_000, 0.1, 5)

    np.testing.assert_array_equal(clipped, np.clip(free, -0.5, 0.5))


def test_rejected_draws_follow_the_law_conditioned_on_the_truncation():
    n, limit = 200_000, 0.5
    free = draws(Stable(1.2, 1.0), 1, n, 0.1, 5)[:, 0]

    rejected = draws(Stable(1.2, 1.0, truncation=limit, rule="reject"), 1, n, 0.1, 6)[:, 0]

    inside = free[np.abs(free) <= limit]
    assert np.abs(rejected).max() <= limit
    # Two-sample Kolmogorov–Smirnov distance; 1.95 √(1/n + 1/m) is exceeded with probability 0.001.
    values = np.sort(np.concatenate([inside, rejected]))
    first = np.searchsorted(np.sort(inside), values, side="right") / inside.size
    second = np.searchsorted(np.sort(rejected), values, side="right") / n
    assert np.abs(first - second).max() < 1.95 * math.sqrt(1 / n + 1 / inside.size)


@pytest.mark.parametrize("rule", ["clip", "reject"])
def test_isotropic_truncation_limits_the_norm_and_keeps_directions_uniform(rule):
    noise = Stable(1.2, 1.0, structure="isotropic", truncation=0.5, rule=rule)

    x = draws(noise, 3, 40_000, 0.1, 5)

    norm = np.linalg.norm(x, axis=1)
    assert norm.max() <= 0.5 * (1 + 1e-12)
    direction = x / norm[:, None]
    # Each coordinate of a uniform direction in 3 dimensions has mean 0 and variance 1/3.
    assert np.all(np.abs(direction.mean(axis=0)) < 4 * math.sqrt(1 / 3 / 40_000))
    # The fourth moment is 1/5: variance of the squares 1/5 − 1/9.
    assert np.all(np.abs((direction**2).mean(axis=0) - 1 / 3) < 4 * math.sqrt((1 / 5 - 1 / 9) / 40_000))


def test_gradient_noise_of_a_stable_noise_is_sigma_eta_power_times_s():
    alpha, sigma, eta, n = 1.4, 0.3, 0.05, 200_000

    g = Stable(alpha, sigma).gradient_noise(np.zeros(1), eta, n, np.random.default_rng(2))[:, 0]

    scale = sigma * eta ** (1 / alpha - 1)
    assert abs(cos_z(g / scale, 1.0, math.exp(-1))) < 4


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Stable(2.3, 1.0), "alpha: found 2.3, allowed: a number of at most 2"),
        (lambda: Stable(0.0, 1.0), "alpha: found 0.0, allowed: a number above 0"),
        (lambda: Stable(1.5, 1.0, skew=1.2), "skew: found 1.2, allowed: a number of at most 1"),
        (lambda: Stable(1.5, -1.0), "scale: found -1, allowed: numbers of at least 0"),
        (
            lambda: Stable(1.5, 1.0, structure="both"),
            "structure: found 'both', allowed: independent, isotropic",
        ),
        (lambda: Stable(1.5, 1.0, rule="drop"), "rule: found 'drop', allowed: clip, reject"),
        (lambda: Stable(1.5, 1.0, skew=0.1, structure="isotropic"), "skew: found 0.1, allowed: 0 for"),
        (lambda: Stable(1.5, 1.0, truncation=0.0), "truncation: found 0.0, allowed: a number above 0"),
        (lambda: Stable(1.5, 1.0, tempering=0.0), "tempering: found 0.0, allowed: a number above 0"),
        (lambda: Stable(2.0, 1.0, tempering=0.1), "alpha: found 2, allowed: below 2 with tempering"),
        (lambda: Stable(0.2, 1.0, tempering=0.1), "alpha: found 0.2, allowed: at least 0.3 with tempering"),
        (
            lambda: Stable(1.5, [1.0, 2.0], tempering=0.1, structure="isotropic"),
            "scale: found different ones",
        ),
        (
            lambda: Stable(1.5, np.arange(1.0, 18.0), tempering=0.1).kernel(17, 0.1, 0.1),
            "at most 16 different",
        ),
        (
            lambda: Stable(1.5, 1.0, tempering=9.0, structure="isotropic").kernel(2, 1.0, 1.0),
            "too strong for",
        ),
        (lambda: Stable(1.5, 1.0, sampler="pinv"), "sampler: found 'pinv', allowed: inversion, cms"),
        (lambda: Stable(0.2, 1.0, sampler="inversion"), "sampler: found 'inversion', allowed: cms for alpha"),
        (lambda: Stable(0.2, 1.0, method="inversion"), "method: found 'inversion', allowed: cms for alpha"),
        (lambda: Stable(1.5, 1.0, sampler="inversion", method="cms"), "method: found 'cms', allowed: none"),
        (
            lambda: Stable(0.35, 1.0, skew=0.5, sampler="inversion"),
            "sampler: found 'inversion', allowed: cms for alpha below 0.4 with skew",
        ),
        (
            lambda: Stable(1.995, 1.0, structure="isotropic", sampler="inversion"),
            "allowed: cms for isotropic noise with alpha outside",
        ),
        (
            lambda: Stable(1.5, 1.0, tempering=0.1, sampler="cms"),
            "sampler: found 'cms', allowed: inversion with tempering of the independent",
        ),
        (lambda: Stable(1.5, [1.0, 2.0]).validate(3), "scale is for 2 coordinates, but the surface has 3"),
        (lambda: Stable(1.5, 1.0, truncation=1e-6, rule="reject").kernel(1, 0.1, 1), "too small for rule"),
    ],
)
def test_wrong_values_are_refused_in_the_user_s_words(make, words):
    with pytest.raises(SdesimError, match=words):
        make()


@pytest.mark.parametrize("structure", ["independent", "isotropic"])
def test_moments_of_tempered_gradient_noise_are_those_of_its_draws(structure):
    noise, n = Stable(1.6, 0.3, tempering=1.5, structure=structure), 60_000
    draws = noise.gradient_noise(np.zeros(2), 0.5, n, np.random.default_rng(1))

    known = noise.noise_moments(np.zeros(2), 0.5)

    # Excess kurtosis of these laws is below 30: five standard errors of a variance.
    np.testing.assert_allclose(draws.var(axis=0), known.covariance.variance, rtol=5 * math.sqrt(32 / n))
    assert np.all(known.mean == 0.0)


def test_without_a_variance_or_a_mean_nothing_is_claimed():
    zero = np.zeros(2)

    assert Stable(1.6, 0.3).noise_moments(zero, 0.5) is None
    assert Stable(1.6, 0.3, skew=0.5, tempering=1.0).noise_moments(zero, 0.5) is None
    # Cut increments have a mean by symmetry, and a variance that nobody has worked out.
    assert Stable(1.6, 0.3, truncation=1.0).noise_moments(zero, 0.5).covariance is None
    np.testing.assert_allclose(Stable(2.0, 0.3).noise_moments(zero, 0.5).covariance.variance, 0.36)


@pytest.mark.parametrize("alpha", [1.3, 1.8])
def test_weighted_draws_have_the_exact_mean_length_that_plain_ones_reach_slowly(alpha):
    dim, n, sigma, eta = 20, 20_000, 0.2, 0.25

    draws, weights = Stable(alpha, sigma, structure="isotropic").weighted_noise(
        np.zeros(dim), eta, n, 1.0, np.random.default_rng(1)
    )

    # E√(2A) E|G| with E A^{1/2} = Γ(1 − 1/α)/Γ(1/2) of the positive α/2-stable law.
    normal = math.sqrt(2) * math.gamma((dim + 1) / 2) / math.gamma(dim / 2)
    exact = sigma * eta ** (1 / alpha - 1) * math.sqrt(2) * math.gamma(1 - 1 / alpha) / math.sqrt(math.pi)
    lengths = weights * np.linalg.norm(draws, axis=1)
    assert abs(lengths.mean() - exact * normal) < 5 * lengths.std() / math.sqrt(n)
    assert lengths.std() < 3 * exact * normal
    np.testing.assert_array_equal(draws[n // 2 :], -draws[: n // 2])


def test_there_is_no_weighted_way_where_the_mean_is_infinite_or_jumps_are_many():
    rng = np.random.default_rng(0)

    assert Stable(1.5, 0.2, structure="isotropic").weighted_noise(np.zeros(2), 0.1, 8, 1.5, rng) is None
    assert Stable(1.5, 0.2).weighted_noise(np.zeros(2), 0.1, 8, 1.0, rng) is None
    assert np.all(Stable(1.5, 0.2, truncation=1.0).weighted_noise(np.zeros(2), 0.1, 8, 1.0, rng)[1] == 1.0)


@pytest.mark.parametrize(
    ("noise", "drawn_by"),
    [
        (Stable(0.3, 1.0), "inversion"),
        (Stable(0.29, 1.0), "cms"),
        (Stable(0.4, 1.0, skew=0.9), "inversion"),
        (Stable(0.39, 1.0, skew=0.9), "cms"),
        (Stable(1.999, 1.0, truncation=0.1, rule="reject"), "inversion"),
        (Stable(1.99, 1.0, structure="isotropic"), "inversion"),
        (Stable(1.995, 1.0, structure="isotropic"), "cms"),
        (Stable(1.5, 1.0, structure="isotropic", tempering=1.0), "cms"),
        (Stable(1.5, 1.0, tempering=1.0), "inversion"),
        (Stable(2.0, 1.0, truncation=0.1), "cms"),
        (Stable(2.0, 1.0), None),
        (Stable(1.5, 1.0, sampler="cms"), "cms"),
        (Stable(1.5, 1.0, method="cms"), "cms"),
    ],
)
def test_a_noise_tells_how_it_is_drawn_and_the_kernel_does_so(noise, drawn_by):
    kernel = noise.kernel(2, 0.1, 0.1)

    assert noise.drawn_by == drawn_by
    assert kernel.function.startswith({"inversion": "inversion", "cms": "stable", None: "gaussian"}[drawn_by])
