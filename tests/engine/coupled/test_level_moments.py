"""Moments of numbers in chunks."""

import numpy as np
import pytest

from sdesim.engine.coupled.level_moments import Moments


def test_merged_chunks_have_the_moments_of_the_whole_also_far_from_zero():
    x = 1e6 + np.random.default_rng(0).exponential(size=999)

    merged = Moments()
    for part in np.split(x, [10, 11, 500]):
        merged = merged + Moments.of(part)

    centred = x - x.mean()
    assert merged.n == 999
    assert merged.mean == pytest.approx(x.mean(), rel=1e-15)
    assert merged.variance == pytest.approx(x.var(ddof=1), rel=1e-9)
    assert merged.kurtosis == pytest.approx(999 * (centred**4).sum() / (centred**2).sum() ** 2, rel=1e-9)
    assert Moments.of(np.ones(5)).kurtosis == 1.0
