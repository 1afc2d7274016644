"""The characteristic function of S0, its covariance, and fits by it."""

import math

import numpy as np
import pytest

from sdesim import stable
from sdesim.stable.fitting.characteristic_fit import (
    characteristic,
    characteristic_fit,
    stacked,
    wave_covariance,
    waves,
)


def test_the_characteristic_function_is_that_of_the_density():
    u = np.array([0.3, 1.0, 2.0])
    theta = np.array([1.7, 0.5, math.log(2.0), -1.0])
    # By the trapezoidal rule, and φ is 1e-14 at the ends of what it resolves.
    x = np.arange(-4000.0, 4000.0, 0.5)
    f = stable.pdf(x, 1.7, 0.5, -1.0, 2.0, "S0")

    found = 0.5 * (np.exp(1j * u[:, None] * x) * f).sum(axis=1)

    # What lies beyond the ends oscillates: about f/u.
    np.testing.assert_allclose(characteristic(u, theta), found, atol=1e-8)
    np.testing.assert_allclose(characteristic(-u, theta), np.conj(characteristic(u, theta)), rtol=1e-14)


def test_it_is_continuous_through_one_and_real_at_two():
    u = np.array([0.3, 2.0])
    at = [characteristic(u, np.array([a, 0.7, 0.1, 0.2])) for a in (1.0 - 1e-9, 1.0, 1.0 + 1e-9)]

    np.testing.assert_allclose(at[0], at[1], atol=1e-8)
    np.testing.assert_allclose(at[2], at[1], atol=1e-8)
    assert characteristic(u, np.array([2.0, 0.7, 0.0, 0.0])).imag == pytest.approx(0.0, abs=0.0)


def test_the_covariance_of_the_waves_is_the_measured_one():
    u, theta = np.array([0.3, 1.0]), np.array([1.0, 0.0, 0.0, 0.0])
    x = np.random.default_rng(0).standard_cauchy((400, 500))
    measured = np.cov(np.array([waves(row, u) for row in x]).T) * 500
    known = wave_covariance(u, theta)

    # Each within five of its standard errors √(v w (1 + r²)/400) ≤ √(2 v w/400).
    size = np.sqrt(np.outer(np.diagonal(known), np.diagonal(known)) * 2 / 400)
    assert (np.abs(measured - known) < 5 * size).all()


def test_the_law_itself_is_found_from_a_start_beside_it():
    x = stable.ppf((np.arange(2000) + 0.5) / 2000, 1.5, 0.4, 5.0, 2.0, "S0")

    theta, covariance = characteristic_fit(x, np.array([1.4, 0.2, 0.6, 4.9]))

    # Evenly spread quantiles have waves within 1e-3 of the law's, a twentieth of a sample's error.
    assert np.all(np.abs(theta - [1.5, 0.4, math.log(2.0), 5.0]) < 0.3 * np.sqrt(np.diagonal(covariance)))
    assert stacked(np.array([1 + 2j])).tolist() == [1.0, 2.0]
