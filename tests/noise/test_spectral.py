"""Stable noise along given directions has the characteristic function of its spectral measure."""

import numpy as np
import pytest

from sdesim.kinds import Misfit
from sdesim.noise import Spectral, Stable, increments


@pytest.mark.parametrize("skew", [0.0, 0.8])
def test_the_characteristic_function_is_that_of_the_spectral_measure(skew):
    alpha, dt, n = 1.5, 0.3, 40_000
    directions, weights = np.array([[1.0, 0.0], [3.0, 4.0], [0.0, -2.0]]), np.array([0.5, 1.0, 0.2])
    noise = Spectral(alpha, directions, weights, skew)
    x = increments(noise.kernel(2, dt, dt), 2, n, seed=1)[0]

    units = directions / np.linalg.norm(directions, axis=1)[:, None]
    for u in np.array([[1.0, 0.0], [0.3, -0.7], [1.0, 1.0]]):
        along = units @ u
        psi = np.abs(along) ** alpha * (1 - 1j * skew * np.tan(np.pi * alpha / 2) * np.sign(along))
        exact = np.exp(-dt * weights @ psi)
        assert np.exp(-dt * noise.exponent(u[None])[0]) == pytest.approx(exact, rel=1e-12)
        found = np.exp(1j * x @ u).mean()
        # Six standard errors of a mean of numbers of size 1.
        assert abs(found.real - exact.real) < 6 / np.sqrt(n)
        assert abs(found.imag - exact.imag) < 6 / np.sqrt(n)


def test_along_the_axes_it_is_the_independent_noise():
    """Weights σ^α: the very draws, but for the rounding of the scale."""
    own = increments(Spectral(1.5, np.eye(3), 0.2**1.5).kernel(3, 0.1, 0.1), 3, 5, 2, seed=1)
    stable = increments(Stable(1.5, 0.2).kernel(3, 0.1, 0.1), 3, 5, 2, seed=1)
    np.testing.assert_allclose(own, stable, rtol=1e-13)


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"directions": [[1.0, 0.0], [0.0, 0.0]]}, ("directions", 1)),
        ({"directions": [[1.0, 0.0]], "weights": [1.0, 2.0]}, ("weights",)),
        ({"directions": [[1.0, 0.0]], "weights": -1.0}, ("weights",)),
    ],
)
def test_bad_fields_are_named(fields, place):
    with pytest.raises(Misfit) as caught:
        Spectral(1.5, **fields)
    assert caught.value.problems[0][0] == place
    with pytest.raises(Misfit, match="0 at alpha 1"):
        Spectral(1.0, [[1.0]], skew=0.5)
