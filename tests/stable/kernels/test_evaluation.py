"""Where two ways to a value both hold, they agree; and points of the reference set are met."""

import math

import numpy as np
import pytest

from analysis.stable_reference.reference import read
from sdesim import stable
from sdesim.stable.kernels.geometry import angles
from sdesim.stable.kernels.near_cauchy import far_near_one, near_cauchy
from sdesim.stable.kernels.series import at_infinity, at_zero
from sdesim.stable.kernels.zolotarev import integrate

RTOL = 1e-12


def by_integrals(alpha, beta, x0, x1, near):
    """(f, S) on the side x′ > 0."""
    epsilon = 1.0 - alpha
    _, rest, side, other, log_modulus = angles(alpha, beta)
    f, e, c = integrate(near, x0, x1, alpha, beta, rest, side, other, log_modulus)
    rate = alpha / (abs(epsilon) * x1) / math.pi
    return rate * math.exp(f), math.exp(c if epsilon > 0.0 else e) / math.pi


@pytest.mark.parametrize(("alpha", "beta", "x"), [(0.3, 0.5, 4.0), (0.8, -0.9, 30.0), (1.5, 0.3, 400.0)])
def test_series_at_infinity_is_zolotarevs_integral(alpha, beta, x):
    angle, rest, _, _, log_modulus = angles(alpha, beta)

    good, log_f, log_s = at_infinity(x, alpha, angle, rest, log_modulus)

    assert good
    assert (math.exp(log_f), math.exp(log_s)) == pytest.approx(
        by_integrals(alpha, beta, 0.0, x, False), rel=RTOL
    )


@pytest.mark.parametrize(("alpha", "beta", "x"), [(0.6, 0.5, 1e-4), (1.2, -0.9, 0.6), (1.9, 1.0, 0.7)])
def test_series_at_zero_is_zolotarevs_integral(alpha, beta, x):
    _, _, side, other, log_modulus = angles(alpha, beta)

    good, f, below = at_zero(x, alpha, side, other, log_modulus)

    assert good
    assert (f, side / math.pi - below) == pytest.approx(by_integrals(alpha, beta, 0.0, x, False), rel=RTOL)


@pytest.mark.parametrize(("alpha", "beta", "x"), [(0.96, 0.09, 0.7), (1.04, -0.08, -2.0), (0.97, 0.1, 25.0)])
def test_turned_ray_near_cauchys_law_is_zolotarevs_integral(alpha, beta, x):
    log_f, above, below = near_cauchy(x, alpha, beta)

    x1 = x + beta * math.tan(0.5 * math.pi * alpha)
    sign = 1.0 if x1 > 0.0 else -1.0
    expected = by_integrals(alpha, sign * beta, sign * x, sign * x1, True)
    found = (math.exp(log_f), above if sign > 0.0 else below)
    assert found == pytest.approx(expected, rel=RTOL)


@pytest.mark.parametrize(("alpha", "beta", "x"), [(0.92, 0.7, 60.0), (1.08, 0.4, 35.0), (0.999, -0.3, 40.0)])
def test_far_tail_near_alpha_one_is_zolotarevs_integral(alpha, beta, x):
    log_f, log_s = far_near_one(x, alpha, beta)

    x1 = x + beta * math.tan(0.5 * math.pi * alpha)
    if x1 < 0.0:
        # The side of x′ < 0 has the left tail of −X there; its density is the same.
        expected = by_integrals(alpha, -beta, -x, -x1, True)[0]
        assert math.exp(log_f) == pytest.approx(expected, rel=RTOL)
    else:
        found = (math.exp(log_f), math.exp(log_s))
        assert found == pytest.approx(by_integrals(alpha, beta, x, x1, True), rel=RTOL)


def test_points_of_the_reference_set_are_met():
    reference = read()
    some = slice(None, None, 5)
    alpha, beta, x, form = (column[some] for column in reference[:4])

    for values, function in zip(reference[4:], (stable.logpdf, stable.logsf, stable.logcdf), strict=True):
        for name in ("S0", "S1"):
            k = form == name
            found = function(x[k], alpha[k], beta[k], parametrization=name)
            exact = values[some][k]
            # Of the value itself; of a logarithm above 100 its own rounding, 2⁻⁵² of it, and that of w.
            assert np.all(np.abs(found - exact) <= 1e-12 + 2e-15 * np.abs(exact))
