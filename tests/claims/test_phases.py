"""The curves of C15 are what they are said to be, and a kink in one is seen."""

from __future__ import annotations

import math
from importlib import import_module

import numpy as np
import pytest
from scipy.special import erf

from sdesim.shipped import study

study("claims")
phases = import_module("sdesim_claims.phases")


def test_mean_cosine_in_one_dimension_is_that_of_a_sign():
    assert phases._mean_cosine(1, 0.7) == pytest.approx(erf(math.sqrt(0.7 / 2)), rel=1e-12)


def test_mean_cosine_in_two_dimensions_is_the_integral_over_angles():
    # g = μ + ε in the plane: E cos = ∫ r dr dφ cos φ exp(−(r² − 2 m r cos φ + m²)/2)/2π.
    m = math.sqrt(2 * 0.5)
    r, phi = np.meshgrid(np.linspace(0, 12, 4001), np.linspace(0, 2 * np.pi, 400, endpoint=False))
    density = r * np.exp(-(r**2 - 2 * m * r * np.cos(phi) + m**2) / 2) / (2 * np.pi)
    whole = (density * np.cos(phi)).sum() * (12 / 4000) * (2 * np.pi / 400)

    assert phases._mean_cosine(2, 0.5) == pytest.approx(whole, rel=1e-6)


def test_a_change_of_slope_is_seen():
    assert phases._slope_change(lambda c: 0.1 * max(math.log(c), 0.0)) == pytest.approx(0.1)
