"""C34 and C37: the factor of a step and the bound of a smooth loss, derived again."""

from __future__ import annotations

from importlib import import_module

import pytest
import sympy

from sdesim.shipped import study

study("claims")
convergence = import_module("sdesim_claims.convergence")


def test_a_step_on_equal_curvatures_is_the_isotropic_factor():
    # C = |μ|²/Tr Σ at θ = 1: 1 − 2r + r²(1 + 1/C).
    assert convergence.one_step_factor(0.1, 0.1) == pytest.approx(0.91)
    assert convergence.one_step_factor(1.9, 2.0) == pytest.approx(2.615)


def test_the_best_rate_of_the_bound_is_p_over_the_condition_number():
    eta, beta, m, c = sympy.symbols("eta beta m C", positive=True)
    bound = 1 - 2 * m * eta * (1 - beta * eta / 2 * (1 + 1 / c))
    p = c / (1 + c)

    (best,) = sympy.solve(sympy.diff(bound, eta), eta)
    assert sympy.simplify(best - p / beta) == 0
    assert sympy.simplify(bound.subs(eta, best) - (1 - p * m / beta)) == 0
    # Below 1 exactly where C > βη/(2 − βη), that is η < 2p/β.
    assert sympy.simplify(bound.subs(c, beta * eta / (2 - beta * eta)) - 1) == 0
    assert sympy.simplify(bound.subs(eta, 2 * p / beta) - 1) == 0
