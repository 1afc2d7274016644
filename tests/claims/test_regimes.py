"""C22: moments are taken by the level of C."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

from sdesim.shipped import study

study("claims")
regimes = import_module("sdesim_claims.regimes")


def test_moments_are_those_at_which_c_first_passes_a_level():
    t = np.arange(81)
    c = np.tile(16 * 0.5 ** (t / 10), (2, 1))
    accuracy = np.stack([0.5 + 0.001 * t, 0.5 + 0.001 * t + 0.01 * (-1.0) ** t])

    values, variances = regimes._at_levels(c, accuracy)

    # C is 4, 1 and ¼ at steps 20, 40 and 60, and below them one later.
    np.testing.assert_allclose(values[0], [0.521, 0.541, 0.561])
    # A line has no wobble; ±0.01 in turn over 21 steps has Σ = 21·10⁻⁴ less its mean, over 19.
    np.testing.assert_allclose(variances[0], 0.0, atol=1e-20)
    np.testing.assert_allclose(variances[1], (21 - 1 / 21) * 1e-4 / 19)


def test_a_network_that_never_comes_down_is_refused():
    with pytest.raises(ValueError, match="not trained down"):
        regimes._at_levels(np.full((1, 30), 2.0), np.zeros((1, 30)))
