"""Multiplicative noise."""

import math

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.noise import Multiplicative
from tests.noise.drawing import draws


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


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Multiplicative(-1.0), "scale: found -1, allowed: numbers of at least 0"),
        (lambda: Multiplicative([1.0, 2.0]).validate(3), "scale is for 2 coordinates, but the surface has 3"),
    ],
)
def test_wrong_values_are_refused_in_the_user_s_words(make, words):
    with pytest.raises(SdesimError, match=words):
        make()
