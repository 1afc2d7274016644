"""The shift of walls against its closed forms and against the sum that defines it."""

import math

import numpy as np
import pytest
from scipy.special import gamma

from sdesim import noise
from sdesim.engine.events.moved_walls import wall_shift


def exponent(*noises):
    return lambda u: sum(n.exponent(u[:, None]) for n in noises)


@pytest.mark.parametrize("alpha", [1.1, 1.2, 1.5, 1.8])
def test_a_stable_law_has_the_zeta_of_its_index(alpha):
    # ζ(1 − 1/α) by its functional equation, as scipy's ends at 1: ζ(s) = 2^s π^(s−1) sin(πs/2) Γ(1−s) ζ(1−s).
    s = 1 - 1 / alpha
    completed = (1 - 2 ** (1 - s)) ** -1 * sum_alternating(s)
    expected = -completed * gamma(s) / math.pi * 0.7 * 0.01 ** (1 / alpha)

    assert wall_shift(exponent(noise.Stable(alpha, 0.7)), 0.01) == pytest.approx(expected, rel=1e-9)


def sum_alternating(s, terms=60):
    """η(s) = Σ (−1)^(n−1) n^(−s) by Borwein's algorithm."""
    n = terms
    d = np.cumsum([n * math.factorial(n + k - 1) * 4.0**k / (math.factorial(n - k) * math.factorial(2 * k))
                   for k in range(n + 1)])  # fmt: skip
    return -sum((-1) ** k * (d[k] - d[n]) / (k + 1) ** s for k in range(n)) / d[n]


def test_gaussian_noise_is_late_by_broadie_glasserman_and_kous_constant():
    # −ζ(½)/√(2π) standard deviations of a step.
    expected = 0.5825971579390106 * math.sqrt(2 * 0.3 * 0.01)

    assert wall_shift(exponent(noise.Gaussian(0.3)), 0.01) == pytest.approx(expected, rel=1e-9)
    assert wall_shift(exponent(noise.Stable(2.0, 1.0)), 1.0) == pytest.approx(0.5825971579390106 * 2**0.5)


def test_a_mixture_has_the_regularised_difference_and_neither_sum_nor_maximum():
    parts = (noise.Stable(1.5, 1.0), noise.Gaussian(0.25))
    found = wall_shift(exponent(*parts), 0.01)
    alone = [wall_shift(exponent(n), 0.01) for n in parts]

    # ∫₀ᴺ f(t)/t dt − Σ′ f(n)/n with f(t) = E X⁺ = (1/π) ∫ (1 − e^{−tψ(u)})/u² du, by the sum itself.
    u = np.exp(np.arange(-60.0, 25.0, 0.02))
    psi = 0.01 * np.real(exponent(*parts)(u))
    steps, t = np.arange(1, 1001), 1000.0 * np.exp(-0.1 * np.arange(400))
    f = lambda s: 0.02 / math.pi * float(np.sum(-np.expm1(-s * psi) / u))  # noqa: E731
    values = np.array([f(s) for s in steps]) / steps
    inner = np.array([f(s) for s in t])
    integral = 0.1 * (inner.sum() - 0.5 * inner[0])
    # The trapezoid rule in log t is off by (0.1)²/12 of the slope f at the end, which is taken out.
    integral -= 0.01 / 12 * (inner[0] - inner[1]) / 0.1
    assert found == pytest.approx(integral - values.sum() + 0.5 * values[-1], rel=2e-3)
    assert max(alone) < found < sum(alone)


def test_skewed_and_tempered_laws_have_one_and_jumps_without_a_mean_none():
    assert wall_shift(exponent(noise.Stable(1.5, 1.0, skew=0.8)), 0.01) > 0.0
    tempered = noise.Stable(1.5, 1.0, structure="isotropic", tempering=1e-6)
    plain = noise.Stable(1.5, 1.0, structure="isotropic")
    # A step of 10⁻⁸ is far shorter than the tempering length, however far its tail reaches.
    assert wall_shift(exponent(tempered), 1e-2) == pytest.approx(wall_shift(exponent(plain), 1e-2), rel=1e-2)
    assert wall_shift(exponent(noise.Stable(1.0, 1.0)), 0.01) is None
    assert wall_shift(exponent(noise.Stable(0.7, 1.0), noise.Gaussian(1.0)), 0.01) is None
    assert wall_shift(exponent(noise.Gaussian(0.0)), 0.01) == 0.0
