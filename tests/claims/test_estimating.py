"""What the source's code reads of C, derived again and checked symbolically."""

from __future__ import annotations

import sympy as sp


def test_the_code_reads_c_plus_one_over_n_times_a_factor_above_one():
    """E|ḡ|² = (C + 1/n) Tr Σ, and Tr Σ̂ = s²χ²_ν/(n − 1) with ν = d(n − 1) is independent of ḡ."""
    x, c = sp.symbols("x C", positive=True)
    d, n = 2, sp.Integer(5)
    nu = d * (n - 1)
    density = x ** (nu / 2 - 1) * sp.exp(-x / 2) / (2 ** (nu / 2) * sp.gamma(nu / 2))

    inverse = sp.integrate(density / x, (x, 0, sp.oo))

    # With s = 1: Tr Σ = d, Tr Σ̂ = x/(n − 1).
    read = (c + 1 / n) * d * (n - 1) * inverse
    assert sp.simplify(read - (c + 1 / n) * sp.Rational(nu, nu - 2)) == 0
