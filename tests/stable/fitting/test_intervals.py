"""Profile intervals of a likelihood whose profile is known."""

import numpy as np
import pytest

from sdesim.stable.fitting.intervals import covariance, near_end, profile_interval
from sdesim.stable.fitting.likelihood import SCALE, Likelihood, maximise

Z = 1.959963984540054
HELD = np.array([True, True, False, False])


def normal(x, alpha, beta):
    """Of variance 2, whatever α and β."""
    return -0.25 * x * x - 0.5 * np.log(4 * np.pi)


def test_the_profile_interval_of_a_normal_scale_solves_its_equation():
    x = np.random.default_rng(2).standard_normal(100)
    likelihood = Likelihood(x, np.ones(100), normal)
    at = maximise(likelihood, np.array([1.5, 0.0, 0.0, 0.0]), HELD)
    ridge = np.zeros(4)
    # The profile over δ of log σ is n(t − log σ) − (n/2)(e^{2(t − log σ)} − 1), t its maximum.
    low, high = profile_interval(likelihood, at, SCALE, Z, 0.14, ridge)

    for end in (low, high):
        gap = at.theta[SCALE] - end
        drop = -100 * gap + 50 * (np.exp(2 * gap) - 1)
        assert np.sqrt(2 * drop) == pytest.approx(Z, rel=0.02)


def test_the_covariance_of_a_normal_fit_is_the_inverse_information():
    x = np.random.default_rng(2).standard_normal(100)
    likelihood = Likelihood(x, np.ones(100), normal)
    at = maximise(likelihood, np.array([1.5, 0.0, 0.0, 0.0]), HELD)
    found, regular = covariance(likelihood, at)

    assert regular
    assert found[2, 2] == pytest.approx(1 / 200, rel=1e-2)
    assert found[3, 3] == pytest.approx(2 * np.exp(2 * at.theta[SCALE]) / 100, rel=1e-2)
    assert np.isnan(found[0, 0])


def test_ends_are_near_within_five_standard_errors():
    spread = np.array([0.02, 0.1, 0.1, 0.1])

    assert near_end(np.array([1.95, 0.0, 0.0, 0.0]), spread)
    assert near_end(np.array([1.5, -0.9, 0.0, 0.0]), spread)
    assert not near_end(np.array([1.5, 0.3, 0.0, 0.0]), spread)
