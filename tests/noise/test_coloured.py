"""Coloured noise has the covariance of the integrated Ornstein–Uhlenbeck process, and its white limit."""

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.noise import Coloured, increments
from sdesim.noise.coloured import exact_law, integral_variance
from sdesim.noise.path import spread


def drawn(noise, dim, n, steps, dt, seed=1):
    return increments(noise.kernel(dim, dt, dt), dim, n, steps, seed=seed)


def test_increments_have_the_covariance_of_the_integrated_process():
    """Cov of steps i ≠ j: (F²τ/2)(1 − a)² e^{−(|i−j|−1)h}; its standard error is below (C₀ + |C|)/√n."""
    tau, factor, dt, n = 0.3, 0.5, 0.1, 40_000
    x = drawn(Coloured(tau, factor), 1, n, 4, dt)[:, :, 0]
    h = dt / tau

    apart = 0.5 * factor**2 * tau * np.expm1(-h) ** 2 * np.exp(-h * np.arange(3.0))
    exact = np.array([factor**2 * tau * (h + np.expm1(-h)), *apart])
    found = x @ x.T / n
    for i in range(4):
        for j in range(4):
            assert abs(found[i, j] - exact[abs(i - j)]) < 6 * (exact[0] + exact[abs(i - j)]) / np.sqrt(n)


def test_a_short_memory_is_white_noise():
    x = drawn(Coloured(1e-5, 0.5), 1, 40_000, 2, 0.1)[:, :, 0]
    assert x.var() == pytest.approx(0.25 * 0.1, rel=6 * np.sqrt(2 / 80_000))


def test_a_factor_mixes_sources():
    factor = np.array([[1.0, 0.0], [0.5, 0.2], [0.0, 0.3]])
    n, dt, tau = 40_000, 0.1, 0.3
    x = drawn(Coloured(tau, factor), 3, n, 1, dt)[0]
    exact = factor @ factor.T * (dt - tau * -np.expm1(-dt / tau))
    np.testing.assert_allclose(x.T @ x / n, exact, atol=6 * exact.max() * 2 / np.sqrt(n))


@pytest.mark.parametrize("h", [1e-6, 1e-3, 0.4, 0.6, 5.0])
def test_the_law_of_a_step_loses_no_digits(h):
    """Against the same in 60 digits."""
    from decimal import Decimal, getcontext

    getcontext().prec = 60
    x = Decimal(h)
    variance = x - 2 * (1 - (-x).exp()) + (1 - (-2 * x).exp()) / 2
    a, s, g, c, e = exact_law(2.0, 2.0 * h)

    assert integral_variance(h) == pytest.approx(float(variance), rel=1e-12)
    assert spread(h) == pytest.approx(float(x - 1 + (-x).exp()), rel=1e-12)
    assert c * c + e * e == pytest.approx(2.0 * float(variance), rel=1e-11)
    assert c * s == pytest.approx(0.5 * (1 - a) ** 2, rel=1e-6 if h < 1e-4 else 1e-10)
    assert (a, g) == pytest.approx((np.exp(-h), -2.0 * np.expm1(-h)), rel=1e-14)


def test_bad_fields_are_named():
    with pytest.raises(SdesimError, match="correlation_time"):
        Coloured(0.0, 1.0)
    with pytest.raises(SdesimError, match="factor is for 2 coordinates"):
        Coloured(1.0, [1.0, 2.0]).kernel(3, 0.1, 0.1)
