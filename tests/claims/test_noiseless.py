"""Least squares by any batches: what the ledger deduces of it, derived again and checked symbolically."""

from __future__ import annotations

from fractions import Fraction
from importlib import import_module

import pytest
import sympy as sp

from sdesim.shipped import study

study("claims")
noiseless = import_module("sdesim_claims.noiseless")


def test_a_gradient_of_any_batch_has_no_part_along_the_free_directions():
    a = sp.Matrix(2, 3, sp.symbols("a0:6"))
    y, theta, w = (sp.Matrix(n, 1, sp.symbols(f"{s}0:{n}")) for s, n in (("y", 2), ("t", 3), ("w", 2)))

    # ∇ of Σ w_i (a_i·θ − y_i)²/2, for weights w of whatever batch.
    gradient = a.T * sp.diag(*w) * (a * theta - y)
    free = a.row(0).cross(a.row(1))

    assert (a * free.T).applyfunc(sp.expand) == sp.zeros(2, 1)
    assert sp.expand((free * gradient)[0]) == 0


def test_as_many_independent_rows_as_columns_leave_one_solution():
    rows = [[Fraction(v) for v in row] for row in ((1, 2, 3), (0, 1, 4), (5, 6, 0))]

    assert noiseless._kernel(rows) == []
    assert noiseless._kernel(rows[:2]) == [[Fraction(5), Fraction(-4), Fraction(1)]]


@pytest.mark.parametrize("more", [3, 4, 7])
def test_variance_of_the_shortest_solution_of_one_example(more):
    # |A⁺ε|² = ε²/|a|² for one row a ~ N(0, I_m), |a|² ~ χ²_m: E = 1/(m − 2).
    x, m = sp.symbols("x", positive=True), sp.Integer(more)
    density = x ** (m / 2 - 1) * sp.exp(-x / 2) / (2 ** (m / 2) * sp.gamma(m / 2))

    assert sp.integrate(density / x, (x, 0, sp.oo)) == 1 / (m - 2)
    assert noiseless._variance(1, more) == pytest.approx(1 / (more - 2))


def test_variance_is_the_same_function_on_both_sides():
    # m < n: tr (AᵀA)⁻¹ of an m × m Wishart matrix with n degrees of freedom, m and n having changed places.
    assert noiseless._variance(40, 16) == noiseless._variance(16, 40) == 16 / 23
