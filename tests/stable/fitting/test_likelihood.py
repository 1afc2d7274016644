"""Scores and maximum of the log-likelihood, on laws with a closed form."""

import math

import numpy as np
import pytest

from sdesim import stable
from sdesim.stable.fitting.likelihood import ALPHA, BETA, LOC, SCALE, Likelihood, maximise, observed


def density(x, alpha, beta):
    return stable.logpdf(x, alpha, beta, parametrization="S0")


X = np.sort(np.random.default_rng(1).standard_cauchy(150))


def test_scores_by_scale_and_location_are_those_of_cauchys_law():
    points = np.array([-3.0, 0.2, 40.0])
    scores = Likelihood(points, np.ones(3), density).scores(np.array([1.0, 0.0, math.log(2.0), 0.5]))
    z = (points - 0.5) / 2.0

    # Differences of second order in steps of 1e-4.
    np.testing.assert_allclose(scores[:, LOC], z / (1 + z * z), atol=1e-7)
    np.testing.assert_allclose(scores[:, SCALE], -1 + 2 * z * z / (1 + z * z), atol=1e-7)


def test_the_maximum_has_no_gradient_and_held_parameters_stay():
    likelihood = Likelihood(X, np.ones(X.size), density)
    held = np.array([True, True, False, False])

    free = maximise(likelihood, np.array([1.3, 0.0, 0.0, 0.0]))
    cauchy = maximise(likelihood, np.array([1.0, 0.0, 0.5, 0.5]), held)

    step = np.linalg.solve(free.outer, likelihood.gradient(free.theta))
    assert free.converged
    assert cauchy.converged
    assert 0.5 * step @ likelihood.gradient(free.theta) < 1e-7
    assert cauchy.theta[ALPHA] == 1.0
    assert cauchy.theta[BETA] == 0.0
    assert free.total > cauchy.total
    # Cauchy's likelihood equations: Σ z/(1 + z²) = 0, Σ 1/(1 + z²) = n/2.
    z = (X - cauchy.theta[LOC]) / math.exp(cauchy.theta[SCALE])
    assert abs((z / (1 + z * z)).sum()) < 1e-3
    assert (1 / (1 + z * z)).sum() == pytest.approx(X.size / 2, abs=1e-3)


def test_the_observed_information_is_the_curvature():
    likelihood = Likelihood(X, np.ones(X.size), density)
    at = maximise(likelihood, np.array([1.0, 0.0, 0.0, 0.0]), np.array([True, True, False, False]))
    found = observed(likelihood, at)
    h = 1e-2
    up, down = at.theta.copy(), at.theta.copy()
    up[LOC] += h
    down[LOC] -= h

    curvature = -(likelihood.total(up) - 2 * at.total + likelihood.total(down)) / h**2

    assert found[LOC, LOC] == pytest.approx(curvature, rel=1e-2)
    assert found[ALPHA, ALPHA] == 0.0
