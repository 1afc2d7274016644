"""Quantile ratios and fits of symmetric stable laws."""

import numpy as np
import pytest

from sdesim import stable
from sdesim.estimators.tails.symmetric import _INDICES, _RATIOS, mcculloch_index, symmetric_fit


def test_gt23_mcculloch_table_and_value_of_student_t3():
    exact = {1.0: 6.313752, 1.2: 4.450851, 1.5: 3.149795, 1.8: 2.609914, 2.0: 2.438664}
    table = dict(zip(_INDICES.round(2), _RATIOS, strict=True))

    assert all(abs(table[a] - nu) < 1e-4 for a, nu in exact.items())

    x = np.random.default_rng(2).standard_t(3, 400_000)
    q = np.quantile(x, [0.05, 0.25, 0.75, 0.95])

    # GT23: 3.076725. Asymptotic standard error of the ratio at this size 0.009.
    assert abs((q[3] - q[0]) / (q[2] - q[1]) - 3.076725) < 5 * 0.009
    # 3.076725 lies between the ratios of 1.55 and 1.5.
    assert abs(mcculloch_index(x) - 1.527) < 0.02


def test_the_fit_of_alpha_is_that_of_the_likelihood_with_the_errors_of_independent_values():
    x = np.random.default_rng(0).standard_cauchy((2000, 1))

    alpha, error = symmetric_fit(x)

    # The inverse information of α with the scale fitted is near 1.2² at Cauchy's law.
    assert abs(alpha - 1.0) < 5 * error
    assert 0.7 < error * np.sqrt(2000) < 1.8

    scales = np.linspace(0.9, 1.1, 21)
    profile = [stable.logpdf(x, alpha + a, scale=scales).sum(axis=0).max() for a in (-0.05, 0.0, 0.05)]
    assert profile[1] == max(profile)


def test_columns_that_move_together_widen_the_error():
    x = np.random.default_rng(0).standard_cauchy((1000, 1))

    # The same values twice: as many errors as rows.
    assert symmetric_fit(np.repeat(x, 2, axis=1))[1] == pytest.approx(symmetric_fit(x)[1], rel=0.02)
