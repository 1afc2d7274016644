"""Power iteration at a tie, derived again in symbols, and the products that suffice for Lanczos."""

from __future__ import annotations

import math
from importlib import import_module

import numpy as np
import pytest
import sympy as sp

from sdesim.shipped import study

study("claims")
computing = import_module("sdesim_claims.computing")


def test_at_a_tie_the_result_is_that_of_the_start():
    phi, top = sp.symbols("phi top", positive=True)
    h, v = sp.diag(top, -top), sp.Matrix([sp.cos(phi), sp.sin(phi)])
    for _ in range(3):
        value = sp.trigsimp((v.T * h * v)[0])
        v = h * v / top
    average = [sp.integrate(value**k, (phi, 0, 2 * sp.pi)) / (2 * sp.pi) for k in (1, 2)]

    assert sp.simplify(value - top * sp.cos(2 * phi)) == 0
    assert average[0] == 0
    assert sp.simplify(average[1] - top**2 / 2) == 0


def test_power_iteration_finds_the_largest_magnitude_with_its_sign():
    h = np.array([2.0, -3.0, 1.0])

    assert computing._power(lambda v: h * v, 3, 100, np.random.default_rng(0)) == pytest.approx(-3, abs=1e-12)


@pytest.mark.parametrize("d", [10**5, 10**11])
def test_enough_products_are_the_fewest_within_the_bound(d):
    def bound(m):
        return 0.103 * math.log(d * (m - 1) ** 4) ** 2 / (m - 1) ** 2

    m = computing._enough(d, 0.01)

    assert bound(m) <= 0.01 < bound(m - 1)
