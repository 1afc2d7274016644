"""The formulas of a stable draw from given uniforms."""

import math

import numpy as np
import pytest

from sdesim.compiled.philox import compiled
from sdesim.stable.sampling.cms import skewed, symmetric
from sdesim.stable.sampling.constants import law_constants


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
