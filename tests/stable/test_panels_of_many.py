"""Smooth functions by Chebyshev panels."""

import numpy as np

from sdesim.stable.panels_of_many import by_panels


def test_both_functions_are_met_to_rounding():
    t = np.random.default_rng(0).uniform(-3.0, 7.0, 500)

    sine, growth = by_panels(lambda x: np.stack([np.sin(3 * x), np.exp(x)]), t, 0.5)

    np.testing.assert_allclose(sine, np.sin(3 * t), atol=1e-13)
    np.testing.assert_allclose(growth, np.exp(t), rtol=1e-13)
