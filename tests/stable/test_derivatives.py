"""Derivatives of the log density against closed forms and against the law's leading tail."""

import math

import numpy as np
from scipy.special import digamma

from sdesim.stable.derivatives import log_density_gradient


def at(x, alpha, beta):
    x = np.asarray(x, dtype=np.float64)
    return log_density_gradient(x, np.full(x.shape, alpha), np.full(x.shape, beta))


def test_by_x_of_the_normal_cauchys_and_levys_law():
    x = np.array([-3.0, 0.1, 2.0, 50.0])
    levy = np.abs(x)

    np.testing.assert_allclose(at(x, 2.0, 0.0).x, -x / 2, rtol=1e-8)
    np.testing.assert_allclose(at(x, 1.0, 0.0).x, -2 * x / (1 + x * x), rtol=1e-8)
    # S0 of Lévy's law begins at −1.
    np.testing.assert_allclose(at(levy - 1.0, 0.5, 1.0).x, -1.5 / levy + 0.5 / levy**2, rtol=1e-6)


def test_far_out_by_the_leading_term_of_the_tail():
    x, alpha, beta = np.array([1e15, 1e20]), 1.5, 0.3
    # log f → log(1 + β) + log Γ(1 + α) + log sin(πα/2) − (1 + α) log x + const.
    slope = digamma(1 + alpha) + 0.5 * math.pi / math.tan(0.5 * math.pi * alpha) - np.log(x)
    found = at(x, alpha, beta)

    np.testing.assert_allclose(found.x * x, -(1 + alpha), rtol=1e-8)
    np.testing.assert_allclose(found.alpha, slope, rtol=1e-9)
    np.testing.assert_allclose(found.beta, 1 / (1 + beta), rtol=1e-8)


def test_by_alpha_at_the_middle_of_the_symmetric_law_and_from_below_at_two():
    # f(0) = Γ(1 + 1/α)/π.
    for alpha in (0.8, 1.0, 1.7, 2.0):
        found = at([0.0], alpha, 0.0)
        np.testing.assert_allclose(found.alpha, -digamma(1 + 1 / alpha) / alpha**2, rtol=1e-8)
    assert at([1.0], 2.0, 0.0).beta == 0.0


def test_laws_together_are_as_each_alone():
    together = log_density_gradient(np.array([0.5, 2.0]), np.array([1.2, 1.99]), np.array([0.4, -1.0]))

    for k, (x, alpha, beta) in enumerate(((0.5, 1.2, 0.4), (2.0, 1.99, -1.0))):
        alone = at([x], alpha, beta)
        for name in ("value", "x", "alpha", "beta"):
            np.testing.assert_allclose(getattr(together, name)[k], getattr(alone, name)[0], rtol=1e-9)
