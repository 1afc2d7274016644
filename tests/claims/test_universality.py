"""The exponents of the noise floor, derived again in symbols, and what finite steps do to them."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
import sympy as sp

from sdesim.shipped import study

study("claims")
universality = import_module("sdesim_claims.universality")


@pytest.mark.parametrize("order", [2, 4])
def test_the_exponent_is_that_of_units_in_which_the_noise_has_no_strength(order):
    alpha, (size, time) = sp.symbols("alpha", positive=True), sp.symbols("size time", real=True)
    # x = ε^size y, t = ε^time τ in dx = −x^{order−1} dt + ε dζ, where dζ ∝ dt^{1/α}.
    drift = sp.Eq(size, size * (order - 1) + time)
    noise = sp.Eq(size, 1 + time / alpha)
    found = sp.solve([drift, noise], [size, time], dict=True)[0][size]

    # A gradient noise of scale s in steps η is ε = s η^{1 − 1/α}.
    assert sp.simplify(found * (1 - 1 / alpha) - universality._exponent(alpha, order)) == 0


# x ← (1 − r) x + η ξ has the scale η/(1 − |1 − r|^α)^{1/α} exactly.
@pytest.mark.parametrize("alpha", universality._FLOOR_ALPHAS)
@pytest.mark.parametrize("curvature", [0.1, 1.0])
def test_steps_as_long_as_the_study_takes_move_the_exponent_by_less_than_its_tolerance(alpha, curvature):
    eta = universality._FLOORS["quadratics"].rate * np.array(universality._RATIOS)
    scale = eta / (1 - np.abs(1 - eta * curvature) ** alpha) ** (1 / alpha)

    exponent = np.polyfit(np.log(eta), np.log(scale), 1)[0]

    assert abs(exponent - universality._exponent(alpha, 2)) < 0.03
