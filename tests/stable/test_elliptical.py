"""Elliptical stable laws against their closed forms."""

import math

import numpy as np
import pytest

from sdesim import stable
from sdesim.errors import SdesimError
from sdesim.stable.elliptical import radial

Q = np.array([[2.0, 0.5], [0.5, 1.0]])
FAR = np.concatenate([[0.0], np.geomspace(1e-6, 1e20, 27)])


@pytest.mark.parametrize("dim", [1, 3, 8])
def test_at_one_it_is_cauchys_law_however_far(dim):
    half = 0.5 * (dim + 1)
    exact = math.lgamma(half) - half * math.log(math.pi) - half * 2.0 * np.log(np.hypot(1.0, FAR))

    found, weight = radial(FAR, 1.0, dim)

    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-11)
    # −2 ∂ log p/∂r² = (d + 1)/(1 + r²).
    np.testing.assert_allclose(weight, 2 * half / (1 + FAR**2), rtol=1e-11)


@pytest.mark.parametrize("alpha", [0.4, 0.9, 1.3, 1.9, 1.999])
def test_in_one_dimension_it_is_the_symmetric_law(alpha):
    found = stable.multivariate(alpha, 4.0, 1.0).logpdf(FAR[:, None] + 1.0)

    np.testing.assert_allclose(found, stable.logpdf(FAR + 1.0, alpha, loc=1.0, scale=2.0), rtol=0, atol=1e-11)


def test_at_two_it_is_normal_with_twice_the_shape():
    from scipy.stats import multivariate_normal

    x = np.array([[0.0, 1.0], [3.0, -2.0]])
    law = stable.multivariate(2.0, Q, [1.0, 1.0])

    np.testing.assert_allclose(law.logpdf(x), multivariate_normal([1.0, 1.0], 2 * Q).logpdf(x), rtol=1e-13)


def test_many_points_are_as_one_by_one():
    r = np.sort(np.random.default_rng(0).standard_cauchy(2000) ** 2)

    for many, few in zip(radial(r, 1.4, 3), radial(r[::20], 1.4, 3), strict=True):
        np.testing.assert_allclose(many[::20], few, rtol=1e-10)


def test_draws_have_its_characteristic_function_and_begin_alike():
    law = stable.multivariate(1.3, Q, [1.0, -1.0])
    x = law.rvs(20_000, seed=3)
    u = np.array([0.5, -0.4])

    wave = np.exp(1j * x @ u).mean()

    exact = np.exp(-((u @ Q @ u) ** 0.65) + 1j * u @ law.loc)
    # Five standard errors of a mean of numbers within the unit circle.
    assert abs(wave - exact) < 5 / math.sqrt(20_000)
    assert np.array_equal(law.rvs((2, 3), seed=3), x[:6].reshape(2, 3, 2))
    assert stable.multivariate(2.0, 1.0).rvs(4, seed=1).shape == (4, 1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((2.1, Q), "alpha must be in [0.2, 2], got 2.1"),
        ((1.5, [[1.0, 2.0], [0.0, 1.0]]), "shape: found a matrix that is not symmetric, allowed: symmetric"),
        ((1.5, -1.0), "shape: found a matrix that is not positive definite, allowed: positive definite"),
        ((1.5, Q, [0.0]), "loc: found shape (1,), allowed: finite numbers (2,)"),
        (("a", Q), "alpha must be a number, got 'a'"),
    ],
)
def test_what_is_no_law_is_told_in_one_line(arguments, says):
    with pytest.raises(SdesimError) as caught:
        stable.multivariate(*arguments)

    assert str(caught.value) == says
