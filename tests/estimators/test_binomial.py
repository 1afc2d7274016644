"""Wilson's interval."""

import numpy as np
import pytest

from sdesim.estimators.core.binomial import wilson


@pytest.mark.parametrize(("share", "n"), [(0.05, 60), (0.5, 60), (0.9, 60)])
def test_wilson_covers_at_its_level(share, n):
    k = np.random.default_rng(9).binomial(n, share, 4000) / n
    low, high = wilson(k, n)

    hits = np.mean((low <= share) & (share <= high))
    # The coverage of a discrete law swings by 0.02 about 0.95; five binomial standard errors are 0.017.
    assert abs(hits - 0.95) < 0.02 + 0.017
