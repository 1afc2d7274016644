"""A power law through values with intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sdesim.comparison.power_law import power_law


def test_the_interval_of_an_exponent_covers_it_as_often_as_it_says():
    rng = np.random.default_rng(0)
    x, s = np.array([1.0, 2, 4, 8, 16]), 0.1
    hits = 0
    for _ in range(2000):
        y = 2 * x**-1.5 * np.exp(s * rng.standard_normal(5))
        fit = power_law(x, y, y * np.exp(-1.96 * s), y * np.exp(1.96 * s))
        hits += fit.low <= -1.5 <= fit.high

    # Student's factor on a known s makes it conservative: 1,900 or more, less 4.8 s.e. of 9.7.
    assert hits >= 1853


def test_points_without_a_closed_interval_do_not_enter_the_fit():
    x, y = np.array([1.0, 2, 4, 8, 16]), np.array([1.0, 2, 4, 8, 3])
    high = np.array([*(1.1 * y[:4]), math.inf])

    fit = power_law(x, y, 0.9 * y, high)

    assert fit.n == 4
    assert fit.value == pytest.approx(1.0)
    assert power_law(x[:2], y[:2], 0.9 * y[:2], 1.1 * y[:2]).has("too_few")
