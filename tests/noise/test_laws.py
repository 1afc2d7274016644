"""Laws of the increments: Gaussian, stable, isotropic, truncated, minibatch."""

import math

import numpy as np
import pytest

from sdesim.compiled.philox import compiled
from sdesim.errors import SdesimError
from sdesim.noise import Gaussian, Minibatch, Multiplicative, Stable, increments, sample_stable
from sdesim.noise.laws.constants import law_constants
from sdesim.noise.laws.stable import skewed, symmetric
from sdesim.surfaces import SurfaceKernel


def cos_z(x, u, exact):
    """z-score of the mean of cos(u·x) against its exact value, E cos² from the sample."""
    c = np.cos(np.asarray(x) @ np.atleast_1d(u)) if np.ndim(x) == 2 else np.cos(u * np.asarray(x))
    return (c.mean() - exact) / (c.std() / math.sqrt(c.size))


def draws(noise, dim, n, dt, seed, stream=0):
    """(n, dim) increments over dt."""
    return increments(noise.kernel(dim, dt, dt), dim, n // 2, 2, seed=seed, stream=stream).reshape(-1, dim)


@compiled
def evaluate(u, v, alpha, beta, t_epsilon, kappa):
    """S0 draws by the skewed and by the symmetric formula from given uniforms."""
    out = np.empty((2, u.size))
    for i in range(u.size):
        out[0, i] = skewed(u[i], v[i], alpha, beta, t_epsilon, kappa)
        out[1, i] = symmetric(u[i], v[i], alpha)
    return out


def grid(n=2000, seed=5):
    """Uniforms in the body and close to the ends, exactly symmetric in binary."""
    rng = np.random.default_rng(seed)
    u = np.round(rng.random(n) * 2**40 + 0.5) / 2**40
    v = np.round(rng.random(n) * 2**40 + 0.5) / 2**40
    return np.clip(u, 2.0**-40, 1 - 2.0**-40), np.clip(v, 2.0**-40, 1 - 2.0**-40)


@pytest.mark.parametrize("u", [0.5, 1.0, 3.0])
def test_gt04_gaussian_and_stable_increments_add_to_the_exact_characteristic_function(u):
    dt, alpha, diffusion, sigma = 0.3, 1.3, 0.2, 0.5
    x = draws(Gaussian(diffusion), 1, 400_000, dt, 11, stream=0)[:, 0]

    x = x + draws(Stable(alpha, sigma), 1, 400_000, dt, 11, stream=1)[:, 0]

    assert abs(cos_z(x, u, math.exp(-dt * (diffusion * u**2 + sigma**alpha * u**alpha)))) < 4


@pytest.mark.parametrize(
    ("alpha", "skew", "parametrization", "q25", "q90"),
    [
        (0.8, 0.0, "S1", -1.045535, 4.343949),
        (0.8, 0.5, "S1", 0.9849881, 9.578089),
        (0.8, 0.5, "S0", -0.5538537, 8.039248),
        (1.0, 0.0, "S1", -1.0, 3.077684),
        (1.0, 0.5, "S1", -0.6286864, 5.006387),
        (1.5, 0.0, "S1", -0.9689332, 2.061463),
        (1.5, 0.5, "S1", -1.283314, 2.082318),
        (1.5, 0.5, "S0", -0.7833136, 2.582318),
        (1.9, 0.5, "S1", -0.993563, 1.843258),
        (1.9, 0.5, "S0", -0.9143708, 1.92245),
        (2.0, 0.5, "S1", -0.9538726, 1.812388),
    ],
)
def test_gt14_share_of_stable_draws_below_exact_quantiles(alpha, skew, parametrization, q25, q90):
    n = 400_000

    x = sample_stable(alpha, skew, n, seed=14, parametrization=parametrization)

    # The share below a quantile p has standard error √(p(1−p)/n).
    for quantile, p in ((q25, 0.25), (q90, 0.9)):
        assert abs(np.mean(x < quantile) - p) < 4 * math.sqrt(p * (1 - p) / n)


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


def test_formula_of_the_draw_tends_to_the_gaussian_2_sin_v_sqrt_w_as_alpha_tends_to_2():
    u, v = grid()
    gaussian = 2 * np.sin(math.pi * (v - 0.5)) * np.sqrt(-np.log(u))

    for beta, row in ((0.0, 1), (0.5, 0)):
        at_2 = evaluate(u, v, *law_constants(2.0, beta))[row]
        near = evaluate(u, v, *law_constants(2.0 - 1e-7, beta))[row]

        # The derivative in α is at most about 100 on this grid; 100 × 1e-7.
        np.testing.assert_allclose(at_2, gaussian, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(near, gaussian, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("beta", [-1.0, -0.4, 0.3, 1.0])
def test_skewed_draw_at_alpha_1_is_the_chambers_mallows_stuck_formula(beta):
    u, v = grid()
    angle, w = math.pi * (v - 0.5), -np.log(u)

    x = evaluate(u, v, *law_constants(1.0, beta))[0]

    edge = math.pi / 2 + beta * angle
    tangent = np.tan(angle)
    logarithm = np.log(math.pi / 2 * w * np.cos(angle) / edge)
    exact = 2 / math.pi * (edge * tangent - beta * logarithm)
    # NumPy's tan carries the rounding of π(v − ½): relative 1e-16 · |tan|; edge cancels where |β| = 1.
    tolerance = 1e-13 * (1 + np.abs(tangent)) + 1e-15 * tangent**2
    assert np.all(np.abs(x - exact) < tolerance)


@pytest.mark.parametrize("beta", [-1.0, 0.5])
@pytest.mark.parametrize("epsilon", [1e-15, -1e-15, 1e-9, -1e-9, 1e-6])
def test_skewed_s0_draw_is_continuous_through_alpha_1(beta, epsilon):
    u, v = grid()

    at_1 = evaluate(u, v, *law_constants(1.0, beta))[0]
    near = evaluate(u, v, *law_constants(1.0 - epsilon, beta))[0]

    # dZ₀/dα grows like Z₀ ℓ² with |ℓ| ≤ log(2⁴⁰/π · 30) ≈ 30; the naive formula is off by 1e-16/ε instead.
    assert np.all(np.abs(near - at_1) < 1000 * abs(epsilon) * (1 + np.abs(at_1)) + 1e-14 * (1 + np.abs(at_1)))


@pytest.mark.parametrize("alpha", [0.3, 0.7, 1.3, 1.8])
@pytest.mark.parametrize("beta", [-1.0, -0.5, 0.5, 1.0])
def test_skewed_s0_draw_equals_weron_s_formula_away_from_alpha_1(alpha, beta):
    u, v = grid()
    angle, w = np.longdouble(math.pi) * (v - np.longdouble(0.5)), -np.log(u.astype(np.longdouble))
    t = np.tan(np.longdouble(math.pi) * alpha / 2)
    b = np.arctan(beta * t) / alpha
    s = (1 + (beta * t) ** 2) ** (1 / (2 * np.longdouble(alpha)))
    body = np.sin(alpha * (angle + b)) / np.cos(angle) ** (1 / np.longdouble(alpha))
    tail = (np.cos(angle - alpha * (angle + b)) / w) ** ((1 - np.longdouble(alpha)) / alpha)

    x = evaluate(u, v, *law_constants(alpha, beta))[0]

    # Rounding of Λ (up to about 100 at α = 0.3) gives relative 1e-14 · few. At |β| = 1 the reference's cosine
    # cancels near one end of V, where the exponent (1 − α)/α multiplies that error: those draws are skipped.
    reference = s * body * tail - beta * t
    well = np.abs(beta * (v - 0.5)) < 0.49
    np.testing.assert_allclose(x[well], reference[well].astype(float), rtol=1e-11, atol=1e-12)


def test_symmetric_and_skewed_formulas_agree_without_skew():
    u, v = grid()

    for alpha in (0.4, 0.99, 1.0, 1.4, 1.9):
        general, symmetric_row = evaluate(u, v, *law_constants(alpha, 0.0))

        np.testing.assert_allclose(general, symmetric_row, rtol=1e-10, atol=1e-12)


def test_totally_skewed_draws_below_alpha_1_are_positive_in_s1():
    x = sample_stable(0.5, 1.0, 100_000, seed=3)

    # S₀.₅(1, 1) is the Lévy law: P(X < x) = erfc(1/√(2x)).
    p = math.erfc(1 / math.sqrt(2))
    assert np.all(x > -1e-15)
    assert abs(np.mean(x < 1.0) - p) < 4 * math.sqrt(p * (1 - p) / x.size)


def test_s1_and_s0_differ_by_the_shift_beta_tan():
    for alpha in (0.8, 1.5):
        s1 = sample_stable(alpha, 0.5, 1000, seed=9, scale=2.0, loc=0.3)
        s0 = sample_stable(alpha, 0.5, 1000, seed=9, scale=2.0, loc=0.3, parametrization="S0")

        np.testing.assert_allclose(s1 - s0, 2.0 * 0.5 * math.tan(math.pi * alpha / 2), atol=1e-9)
    s1 = sample_stable(1.0, 0.5, 1000, seed=9, scale=2.0)
    s0 = sample_stable(1.0, 0.5, 1000, seed=9, scale=2.0, parametrization="S0")
    np.testing.assert_allclose(s1 - s0, (2 / math.pi) * 0.5 * 2.0 * math.log(2.0), atol=1e-9)


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


@pytest.mark.parametrize(
    "noise",
    [
        Gaussian([[0.5, 0.2], [0.2, 0.4]]),
        Gaussian(factor=[[1.0, 0.5, 0.0], [0.0, 0.5, 1.0]]),
        Gaussian(factor=[[1.0], [2.0]]),
        Gaussian([[1.0, 1.0], [1.0, 1.0]]),
        Gaussian([0.1, 0.7]),
        Gaussian(0.3),
    ],
)
def test_covariance_of_gaussian_increments_is_2_d_dt(noise):
    n, dt = 100_000, 0.5
    root = noise._root if noise._root is not None else np.diag(np.broadcast_to(np.sqrt(noise._diagonal), 2))
    exact = 2 * dt * root @ root.T

    x = draws(noise, 2, n, dt, 8)

    # Var of a covariance entry of n Gaussian draws: (Σ_ij² + Σ_ii Σ_jj)/n.
    error = np.sqrt((exact**2 + np.outer(np.diag(exact), np.diag(exact))) / n)
    assert np.all(np.abs(x.T @ x / n - exact) < 4 * error)
    assert noise.trace(2) == pytest.approx(np.trace(exact) / (2 * dt))
    g = noise.gradient_noise(np.zeros(2), 0.1, n, np.random.default_rng(0))
    scale = 1 / (dt * 0.1)
    assert np.all(np.abs(g.T @ g / n - exact * scale) < 4 * error * scale)


def test_increments_of_multiplicative_noise_are_brownian_with_the_stated_rate():
    n, dt, eta, theta = 100_000, 0.3, 0.05, np.array([2.0, -1.0])
    noise = Multiplicative([0.5, 0.2])
    kernel = noise.kernel(2, dt, eta)

    m = draws(noise, 2, n, dt, 12)
    g = noise.gradient_noise(theta, eta, n, np.random.default_rng(1))

    assert (kernel.enters, kernel.gaussian) == ("multiplicative", True)
    np.testing.assert_allclose(kernel.rate, [0.25, 0.04], rtol=1e-15)
    # Five standard errors √(2/n) of a variance: false alarm below 1e-6 each.
    error = 5 * math.sqrt(2 / n)
    np.testing.assert_allclose(m.var(axis=0), kernel.rate * dt, rtol=error)
    np.testing.assert_allclose(g.var(axis=0), kernel.rate * theta**2 / eta, rtol=error)
    assert np.all(np.abs(np.corrcoef(m.T) - np.eye(2)) < 5 / math.sqrt(n))


def test_gradient_noise_of_a_stable_noise_is_sigma_eta_power_times_s():
    alpha, sigma, eta, n = 1.4, 0.3, 0.05, 200_000

    g = Stable(alpha, sigma).gradient_noise(np.zeros(1), eta, n, np.random.default_rng(2))[:, 0]

    scale = sigma * eta ** (1 / alpha - 1)
    assert abs(cos_z(g / scale, 1.0, math.exp(-1))) < 4


class Examples:
    """A surface of n examples with constant gradients, as far as the noise looks at it."""

    dim = 2

    def __init__(self, n):
        self.gradients = np.random.default_rng(n).standard_normal((n, 2)) + 1.0

    def kernel(self):
        return SurfaceKernel("", "", "", np.zeros(0), weighted_grad="w", examples=len(self.gradients))

    def example_gradients(self, theta, indices):
        return self.gradients[indices]


@pytest.mark.parametrize("law", ["gaussian", "subsample"])
def test_minibatch_noise_has_the_covariance_of_sampling_with_replacement(law):
    surface, batch, eta, dt, n = Examples(30), 5, 0.2, 0.1, 40_000
    noise = Minibatch(surface, batch, eta, law=law)
    exact = np.cov(surface.gradients.T, bias=True) / batch

    weights = increments(noise.kernel(2, dt, 1.0), 30, n // 2, 2, seed=3).reshape(-1, 30)
    increment = weights @ surface.gradients
    probe = noise.gradient_noise(np.zeros(2), 123.0, n, np.random.default_rng(1))

    # Kurtosis of a mean of 5 bounded draws is near the Gaussian one: 5 standard errors cover the excess.
    error = np.sqrt((exact**2 + np.outer(np.diag(exact), np.diag(exact))) / n)
    assert np.all(np.abs(np.cov(probe.T) - exact) < 5 * error)
    assert np.all(np.abs(np.cov(increment.T) - eta * dt * exact) < 5 * eta * dt * error)
    np.testing.assert_allclose(weights.sum(axis=1), 0.0, atol=1e-13)


def test_subsample_weights_at_dt_equal_to_the_learning_rate_make_the_sgd_step():
    n, batch, eta = 30, 5, 0.2
    noise = Minibatch(Examples(n), batch, eta, law="subsample")

    weights = increments(noise.kernel(2, eta, eta), n, 100, 4, seed=3)

    # −η/n from the drift plus the noise's weight is −η count/B with whole counts that sum to B.
    counts = (eta / n - weights) * batch / eta
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-12)
    np.testing.assert_allclose(counts.sum(axis=-1), batch)
    assert counts.min() > -1e-12


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
        (lambda: Stable(1.5, 1.0, method="pinv"), "method: found 'pinv', allowed: cms, inversion"),
        (lambda: Stable(0.2, 1.0, method="inversion"), "method: found 'inversion', allowed: cms for alpha"),
        (
            lambda: Stable(1.5, 1.0, structure="isotropic", method="inversion"),
            "allowed: cms for the isotropic",
        ),
        (lambda: sample_stable(1.5, 0.0, 3, 0, method="pinv"), "method must be one of"),
        (lambda: Stable(1.5, [1.0, 2.0]).validate(3), "scale is for 2 coordinates, but the surface has 3"),
        (lambda: Stable(1.5, 1.0, truncation=1e-6, rule="reject").kernel(1, 0.1, 1), "too small for rule"),
        (lambda: Gaussian(), "give exactly one of diffusion, factor"),
        (lambda: Gaussian(-1.0), "diffusion: found -1, allowed: numbers of at least 0"),
        (lambda: Gaussian([[1.0, 2.0], [2.0, 1.0]]), "positive semidefinite"),
        (lambda: Gaussian([[1.0, 2.0], [0.0, 1.0]]), "symmetric"),
        (lambda: Gaussian([1.0, 2.0]).validate(3), "diffusion is for 2 coordinates"),
        (lambda: Multiplicative(-1.0), "scale: found -1, allowed: numbers of at least 0"),
        (lambda: Multiplicative([1.0, 2.0]).validate(3), "scale is for 2 coordinates, but the surface has 3"),
        (lambda: Minibatch(Examples(3), 0, 0.1), "batch_size: found 0, allowed: a number of at least 1"),
        (
            lambda: Minibatch(Examples(3), 2, 0.1, law="levy"),
            "law: found 'levy', allowed: gaussian, subsample",
        ),
        (lambda: Minibatch(Examples(3), 2, 0.1).validate(5), "has 2 coordinates, the simulated one 5"),
        (lambda: sample_stable(1.5, 0.0, 3, 0, parametrization="S2"), "parametrization must be S1 or S0"),
    ],
)
def test_wrong_values_are_refused_in_the_user_s_words(make, words):
    with pytest.raises(SdesimError, match=words):
        make()
