"""Tail probabilities of the stable law."""

import numpy as np
from scipy import special

from sdesim.stable.sampling.tables import stable_tail
from tests.noise.fourier import fourier_tail


def test_stable_tails_at_alpha_2_are_gaussian_and_continuous_in_alpha_through_1():
    x = np.array([0.1, 0.7, 2.0, 5.0])

    np.testing.assert_allclose(stable_tail(2.0, 0.0)(x), special.erfc(x / 2) / 2, rtol=1e-12)
    for beta in (-1.0, 0.5):
        at_1 = stable_tail(1.0, beta)(x)
        for epsilon in (1e-12, -1e-12, 1e-8, -1e-8):
            near = stable_tail(1.0 - epsilon, beta)(x)
            # dS/dα is at most about 1 here.
            np.testing.assert_allclose(near, at_1, rtol=0, atol=3 * abs(epsilon) + 1e-14)


def test_stable_tails_are_those_of_the_levy_law_and_of_an_independent_inversion():
    x = np.array([-0.5, 0.0, 1.0, 10.0, 1e4])

    # S₀.₅(1, 1) in S1 is 1/G² with G normal; S0 is less by tan(π/4) = 1. P(X > x) = erf(1/√(2x)).
    np.testing.assert_allclose(stable_tail(0.5, 1.0)(x), special.erf(1 / np.sqrt(2 * (x + 1))), rtol=1e-11)
    for alpha, beta in ((0.8, -0.5), (1.6, 0.7)):
        exact = [fourier_tail(value, alpha, beta) for value in x[1:4]]
        # The reference is good to about 1e-13.
        np.testing.assert_allclose(stable_tail(alpha, beta)(x[1:4]), exact, rtol=0, atol=1e-12)
