"""Quantile tables: what they draw, and what can not be tabulated."""

import math

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.noise import sample_stable
from sdesim.stable.sampling.inversion import build_table
from sdesim.stable.sampling.tables import stable_tail


def test_a_law_whose_table_can_not_reach_the_u_error_is_refused():
    with pytest.raises(SdesimError, match=r"u-error of .* only, not 1e-12"):
        build_table(stable_tail(0.15, 0.0), stable_tail(0.15, 0.0), 1.0)


@pytest.mark.parametrize(("alpha", "beta"), [(0.6, 0.5), (1.5, 0.0)])
def test_draws_by_inversion_and_by_chambers_mallows_stuck_have_one_law(alpha, beta):
    n = 400_000

    inverted = sample_stable(alpha, beta, n, seed=4, scale=2.0, loc=0.3, sampler="inversion")
    reference = sample_stable(alpha, beta, n, seed=5, scale=2.0, loc=0.3, sampler="cms")

    values = np.sort(np.concatenate([inverted, reference]))
    first = np.searchsorted(np.sort(inverted), values, side="right")
    second = np.searchsorted(np.sort(reference), values, side="right")
    # Kolmogorov–Smirnov with 2 e^{−2 m d²} ≤ 1e-6, m = n/2: d ≤ 2.69/√m.
    assert np.abs(first - second).max() / n < 2.69 / math.sqrt(n / 2)
