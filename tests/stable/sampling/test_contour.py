"""Tail probabilities by series, contour and midpoint rule, against closed forms and the adaptive integral."""

import math

import numpy as np
import pytest
from scipy import special

from sdesim.stable.sampling.constants import law_constants
from sdesim.stable.sampling.contour import make_rays, quick_tails, side_constants
from sdesim.stable.sampling.tables import stable_tail
from sdesim.stable.sampling.tail_integral import light_tails, tail_probabilities

GAUSS = np.polynomial.legendre.leggauss(16)


def quick(x, alpha, beta):
    """Values of `quick_tails`, NaN where it can't tell."""
    sides, factors = side_constants(alpha, beta)
    rays, nodes = make_rays(alpha, beta, law_constants(alpha, beta)[2], float(sides[5]))
    out = np.empty(x.size)
    quick_tails(x, sides, factors, rays, nodes, out)
    return out


@pytest.mark.parametrize(
    ("alpha", "beta", "share"),
    [
        (0.3, 0.0, 1.0), (0.4, 0.9, 1.0), (0.5, -0.5, 1.0), (0.8, -0.9, 0.8), (0.95, 0.3, 1.0),
        (0.999, -0.9, 0.8), (1.0, 0.5, 1.0), (1.001, -0.3, 1.0), (1.1, -0.9, 0.8), (1.5, 0.0, 1.0),
        (1.8, -0.9, 0.9), (1.95, 0.5, 1.0), (1.999, -0.3, 1.0),
    ],
)  # fmt: skip
def test_series_and_contour_are_the_adaptive_integral_wherever_they_answer(alpha, beta, share):
    x = np.concatenate([[1e-3, 0.1], np.linspace(0.3, 9.0, 12), 10.0 ** np.linspace(1.0, 15 / alpha, 12)])

    found = quick(x, alpha, beta)

    told = np.isfinite(found)
    exact = tail_probabilities(x, *GAUSS, *law_constants(alpha, beta))
    assert told.mean() >= share
    # 1e-13 is what they promise, the reference has about as much; near α = 2 its D cancels to 1e-16/(2 − α).
    np.testing.assert_allclose(found[told], exact[told], rtol=3e-13 + 1e-15 / (2 - alpha), atol=1e-17)


def test_near_alpha_2_the_tail_goes_over_from_the_gaussian_to_the_series():
    alpha = 2.0 - 1e-7
    x = np.array([0.5, 3.0, 6.0, 8.0, 12.0, 40.0])

    found = quick(x, alpha, 0.0)

    # In the limit: erfc(x/2)/2, and beyond it the first term Γ(α) sin(πα/2)/π x^{−α} (1 + 6/x² + …).
    np.testing.assert_allclose(found[:2], 0.5 * special.erfc(x[:2] / 2), rtol=1e-5)
    far = math.gamma(alpha) * math.sin(math.pi * (2 - alpha) / 2) / math.pi * x[-1] ** -alpha
    assert found[-1] == pytest.approx(far, rel=2 * 6 / x[-1] ** 2)
    assert np.all(np.diff(found) < 0)


def test_the_thin_side_of_the_levy_law_is_exact():
    # S₀.₅(1, 1) in S1 is 1/G²; Z₀ is 1 less, and the thin side of −Z₀ begins at 1.
    # Binary fractions, so that 1 − x is exact.
    levy = np.array([2**-6, 2**-4, 0.25, 0.5])
    out = np.empty(levy.size)

    light_tails(1.0 - levy, *law_constants(0.5, -1.0), out)

    np.testing.assert_allclose(out, special.erfc(1 / np.sqrt(2 * levy)), rtol=1e-12)


@pytest.mark.parametrize(("alpha", "beta"), [(0.6, 0.5), (1.0, -0.7), (1.7, 1.0)])
def test_both_tails_at_a_point_sum_to_one(alpha, beta):
    x = np.array([-3.0, -0.7, 0.4, 2.5])

    above, below = stable_tail(alpha, beta)(x), stable_tail(alpha, -beta)(-x)

    np.testing.assert_allclose(above + below, 1.0, rtol=1e-13)
