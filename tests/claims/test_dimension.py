"""C16 and C27: directions of steps, and what rules at small scales."""

from __future__ import annotations

import math
from importlib import import_module

import numpy as np
import pytest

from sdesim.shipped import study

study("claims")
dimension = import_module("sdesim_claims.dimension")


def test_directions_are_those_of_the_second_moment():
    d, c = 7, 0.3
    mu = np.zeros(d)
    mu[2] = math.sqrt(d * c)
    moment = np.outer(mu, mu) + np.eye(d)

    assert dimension.directions(d, c) == pytest.approx(np.trace(moment) ** 2 / np.trace(moment @ moment))


def test_brownian_noise_rules_at_small_scales():
    assert dimension._small_scales(1.5, 0.0) == pytest.approx(1.5)
    assert dimension._small_scales(1.5, 0.1) == pytest.approx(2.0, abs=1e-2)
