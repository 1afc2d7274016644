"""Signal and noise from the parts of a gradient, for any weights."""

from itertools import product

import numpy as np
import pytest

from sdesim.errors import EstimatorError
from sdesim.estimators.consolidation.contributions import contribution_moments


@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.25, 0.75), (0.1, 0.2, 0.7)])
def test_its_mean_over_all_draws_is_the_signal_and_the_noise(weights):
    mu, s, w = np.array([0.7, -0.2]), 1.3, np.array(weights)
    found = []
    for signs in product((-1.0, 1.0), repeat=len(w)):
        # Noise along one axis, of variance s²/w_j: of their weighted sum it is s² Σ w_j = s².
        parts = w[:, None] * (mu + np.outer(np.array(signs) * s / np.sqrt(w), [0.0, 1.0]))
        whole = parts.sum(axis=0)
        found.append(contribution_moments(whole @ whole, (parts**2).sum(), (w**2).sum()))

    assert np.mean([m.signal for m in found]) == pytest.approx(mu @ mu, rel=1e-12)
    assert np.mean([m.noise for m in found]) == pytest.approx(s**2, rel=1e-12)
    assert found[0].parts == pytest.approx(1 / (w**2).sum())


def test_one_part_alone_is_refused():
    with pytest.raises(EstimatorError, match="at least two parts"):
        contribution_moments(1.0, 1.0, 1.0)
