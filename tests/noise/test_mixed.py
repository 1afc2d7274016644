"""Sources carried into the coordinates by a matrix."""

import numpy as np
import pytest

from sdesim import schedules
from sdesim.engine.schemes.base import sort_of
from sdesim.errors import SdesimError
from sdesim.kinds import Misfit
from sdesim.noise import Gaussian, Stable, increments

MATRIX = np.array([[1.0, 0.5, 0.0], [-0.3, 0.0, 2.0]])
DT = 0.3


def drawn(noise, dim, n=5, seed=1):
    return increments(noise.kernel(dim, DT, DT), dim, n, 2, seed=seed)


@pytest.mark.parametrize(
    "fields",
    [
        {"alpha": 1.5, "scale": [0.2, 0.1, 0.3]},
        {"alpha": 1.2, "scale": 0.2, "skew": 0.5},
        {"alpha": 1.5, "scale": 0.2, "structure": "isotropic"},
        {"alpha": 1.5, "scale": 0.2, "tempering": 2.0},
        {"alpha": 2.0, "scale": 0.2},
    ],
)
def test_it_is_the_matrix_times_the_increments_of_the_sources(fields):
    mixed, sources = Stable(**fields, matrix=MATRIX), Stable(**fields)

    np.testing.assert_allclose(drawn(mixed, 2), drawn(sources, 3) @ MATRIX.T, rtol=1e-12, atol=1e-15)
    assert mixed.sort == sources.sort == sort_of(mixed.kernel(2, DT, DT))
    assert mixed.tail_index == sources.tail_index
    u = np.array([[0.3, -1.0], [2.0, 0.1]])
    known = sources.exponent(u @ MATRIX)
    if known is None:
        assert mixed.exponent(u) is None
    else:
        np.testing.assert_allclose(mixed.exponent(u), known)
    own, theirs = mixed.noise_moments(np.zeros(2), 0.1), sources.noise_moments(np.zeros(3), 0.1)
    assert (own is None) == (theirs is None)
    if own is not None:
        expected = np.sum(MATRIX**2 * theirs.covariance.variance, axis=1)
        np.testing.assert_allclose(own.covariance.variance, expected)


def test_at_alpha_2_it_is_the_gaussian_of_that_factor():
    mixed, gaussian = Stable(2.0, 0.2, matrix=MATRIX), Gaussian(factor=0.2 * MATRIX)
    assert mixed.trace(2) == pytest.approx(gaussian.trace(2), rel=1e-14)
    u = np.array([[0.3, -1.0]])
    np.testing.assert_allclose(mixed.exponent(u), gaussian.exponent(u), rtol=1e-13)


def test_a_scale_that_moves_goes_with_it():
    moved = Stable(1.5, schedules.Exponential(0.2, 0.5), matrix=MATRIX)
    plain = Stable(1.5, 1.0, matrix=MATRIX)
    ratio = drawn(moved, 2) / drawn(plain, 2)
    t = DT * np.arange(3)
    mean = -np.diff(0.2**1.5 * np.exp(-0.75 * t)) / (0.75 * DT)
    np.testing.assert_allclose(
        ratio, np.broadcast_to((mean ** (1 / 1.5))[:, None, None], ratio.shape), rtol=1e-8
    )


def test_what_does_not_fit_is_refused():
    with pytest.raises(SdesimError, match="matrix is for 2 coordinates"):
        Stable(1.5, 0.2, matrix=MATRIX).kernel(3, DT, DT)
    with pytest.raises(SdesimError, match="scale is for 2 coordinates"):
        Stable(1.5, [0.2, 0.1], matrix=MATRIX).kernel(2, DT, DT)
    with pytest.raises(Misfit, match="none with truncation"):
        Stable(1.5, 0.2, matrix=MATRIX, truncation=1.0)
