"""Factors of covariances: each is that of the matrix it stands for."""

import numpy as np
import pytest

from sdesim.estimators.core.covariance import (
    DiagonalCovariance,
    ExampleCovariance,
    FactorCovariance,
    GradientMoments,
    MaskedCovariance,
    SumCovariance,
    kept_parts,
)

RNG = np.random.default_rng(0)
DIM, COUNT = 5, 9
G = RNG.standard_normal((COUNT, DIM))
Q = RNG.random(COUNT)
Q /= Q.sum()
MEAN = Q @ G
ROOT = RNG.standard_normal((DIM, 3))
SCALE = np.arange(1.0, DIM + 1)
MASK = np.array([True, False, True, True, False])


def examples(kept=True):
    def blocks():
        yield G[:4]
        yield G[4:]

    return ExampleCovariance(kept_parts(blocks, 1) if kept else blocks, MEAN, np.sqrt(Q / 2))


OF_EXAMPLES = (Q * (G - MEAN).T) @ (G - MEAN) / 2
CASES = {
    "diagonal": (DiagonalCovariance(SCALE), np.diag(SCALE**2)),
    "factor": (FactorCovariance(ROOT), ROOT @ ROOT.T),
    "examples": (examples(), OF_EXAMPLES),
    "examples made anew": (examples(kept=False), OF_EXAMPLES),
    "sum": (SumCovariance([examples(), DiagonalCovariance(SCALE)]), OF_EXAMPLES + np.diag(SCALE**2)),
    "masked": (MaskedCovariance(FactorCovariance(ROOT), MASK), (ROOT @ ROOT.T)[np.ix_(MASK, MASK)]),
}


@pytest.mark.parametrize("case", CASES)
def test_factor_times_its_transpose_is_the_covariance(case):
    covariance, matrix = CASES[case]

    factor = covariance.forward(np.eye(covariance.rank)).T

    np.testing.assert_allclose(factor @ factor.T, matrix, atol=1e-12)
    np.testing.assert_allclose(covariance.variance, np.diag(matrix), atol=1e-12)
    np.testing.assert_allclose(covariance.backward(np.eye(len(matrix))), factor, atol=1e-12)


def test_moments_among_some_coordinates_are_those_of_the_parts():
    part = GradientMoments(MEAN, FactorCovariance(ROOT)).among(MASK)

    np.testing.assert_array_equal(part.mean, MEAN[MASK])
    np.testing.assert_allclose(part.covariance.variance, (ROOT**2).sum(axis=1)[MASK], rtol=1e-12)
    assert GradientMoments(MEAN, None).among(MASK).covariance is None
