"""Four parameters from five quantiles."""

import math

import numpy as np
import pytest

from sdesim import stable
from sdesim.stable.fitting.quantile_fit import PROBABILITIES, quantile_covariance, quantile_fit


def ppf(q, alpha, beta):
    return stable.ppf(q, alpha, beta, parametrization="S0")


def density(x, alpha, beta):
    return stable.logpdf(x, alpha, beta, parametrization="S0")


@pytest.mark.parametrize(("alpha", "beta"), [(1.5, 0.4), (0.8, -0.6), (1.0, 0.9)])
def test_the_laws_own_quantiles_give_back_its_parameters(alpha, beta):
    theta = quantile_fit(3.0 + 2.0 * ppf(PROBABILITIES, alpha, beta), ppf)

    np.testing.assert_allclose(theta, [alpha, beta, math.log(2.0), 3.0], atol=2e-5)


def test_the_covariance_is_the_one_that_is_measured():
    # Scale and location of 400 samples at once; the spread of 400 has an error of 3.5%, five of which pass.
    x = stable.ppf(np.random.default_rng(0).random((20, 500)), 1.5, 0.0)
    fits = np.array([quantile_fit(np.quantile(row, PROBABILITIES), ppf) for row in x])
    known = quantile_covariance(np.array([1.5, 0.0, 0.0, 0.0]), 500, ppf, density)

    # Of 20 samples: χ²₂₀/20 lies in [0.2, 2.9] but for 1e-6.
    ratio = ((fits - [1.5, 0.0, 0.0, 0.0]) ** 2).mean(axis=0) / np.diagonal(known)
    assert (ratio > 0.2).all()
    assert (ratio < 2.9).all()
