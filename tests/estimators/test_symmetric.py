"""Quantile ratios and densities of symmetric stable laws."""

import math

import numpy as np

from sdesim.estimators.tails.symmetric import _INDICES, _RATIOS, log_likelihood, mcculloch_index


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


def test_density_behind_the_likelihood_is_exact_for_cauchy_and_gauss_and_joins_its_tail():
    x = np.array([0.0, 0.5, 3.0, 19.9, 20.1, 300.0])

    assert np.allclose(log_likelihood(x, 1.0), -np.log(math.pi * (1 + x**2)), atol=2e-3)
    assert np.allclose(
        log_likelihood(x, 2.0)[:3], -0.25 * x[:3] ** 2 - 0.5 * math.log(4 * math.pi), atol=1e-4
    )
    for alpha in (0.6, 1.3, 1.8):
        before, after = log_likelihood(np.array([19.99, 20.01]), alpha)
        assert abs(before - after) < 0.02
