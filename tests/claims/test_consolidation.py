"""What the ledger says of C in place of C1 and C2, derived again and checked symbolically."""

from __future__ import annotations

from fractions import Fraction
from importlib import import_module

import sympy as sp

from sdesim.shipped import study

study("claims")
consolidation = import_module("sdesim_claims.consolidation")

a, b, m1, m2 = sp.symbols("a b m_1 m_2", positive=True)


def c_of(mu, noise):
    return (mu.T * mu)[0] / noise.trace()


def optimal(mu, noise):
    return (mu.T * noise.inv() * mu)[0]


def test_the_optimal_ratio_of_white_noise_is_d_times_c():
    for d in (1, 2, 5):
        mu, noise = sp.Matrix(sp.symbols(f"m:{d}", positive=True)), a * sp.eye(d)

        assert sp.cancel(optimal(mu, noise) - d * c_of(mu, noise)) == 0


def test_the_optimal_ratio_lies_between_the_mean_over_the_largest_and_over_the_smallest_eigenvalue():
    mu, noise = sp.Matrix([m1, m2]), sp.diag(a, b)
    ratio, middle = optimal(mu, noise) / (2 * c_of(mu, noise)), (a + b) / 2

    # A mean of middle/a and middle/b with the weights m_1² and m_2².
    weighted = (m1**2 * middle / a + m2**2 * middle / b) / (m1**2 + m2**2)
    assert sp.cancel(ratio - weighted) == 0


def test_fractions_of_the_study_are_those_of_the_formula():
    spectrum, mu = [Fraction(1), Fraction(3)], [Fraction(2), Fraction(1)]
    noise, signal = sp.diag(1, 3), sp.Matrix([2, 1])

    found = consolidation._optimal_over_c(spectrum, mu)

    assert found == optimal(signal, noise) / c_of(signal, noise)


def test_a_linear_map_changes_c_by_up_to_its_squared_condition():
    mu, noise, j = sp.Matrix([1, 0]), sp.diag(0, 1), sp.diag(a, b)
    # A gradient turns into J⁻ᵀg.
    back = j.inv().T

    change = c_of(back * mu, back * noise * back.T) / c_of(mu, noise)

    assert sp.cancel(change - (b / a) ** 2) == 0


def test_rotations_times_a_number_leave_c_and_every_map_leaves_the_optimal_ratio():
    angle = sp.symbols("t", real=True)
    c, s = sp.cos(angle), sp.sin(angle)
    mu, noise = sp.Matrix([m1, m2]), sp.Matrix([[3, 1], [1, 2]])
    turn, shear = 3 * sp.Matrix([[c, -s], [s, c]]), sp.Matrix([[a, b], [0, 1]])

    assert sp.simplify(c_of(turn * mu, turn * noise * turn.T) - c_of(mu, noise)) == 0
    assert sp.simplify(optimal(shear * mu, shear * noise * shear.T) - optimal(mu, noise)) == 0
