"""What the ledger says in place of C10, derived again and checked symbolically."""

from __future__ import annotations

from importlib import import_module

import sympy as sp

from sdesim.shipped import study

study("claims")
probability = import_module("sdesim_claims.probability")

c, eta, lam, d = sp.symbols("c eta lambda d", positive=True)


def test_the_mean_loss_of_a_quadratic_falls_from_the_threshold_on():
    # L = μᵀH⁻¹μ/2: E L(θ − ηg) − L = −η|μ|² + (η²/2)(μᵀHμ + Tr HΣ), in two directions of curvature.
    m1, m2, h1, h2, v1, v2 = sp.symbols("m_1 m_2 h_1 h_2 v_1 v_2", positive=True)
    rise = sum(
        ((m - eta * h * m) ** 2 + eta**2 * h**2 * v - m**2) / (2 * h)
        for m, h, v in ((m1, h1, v1), (m2, h2, v2))
    )
    bend = m1**2 * h1 + m2**2 * h2 + h1 * v1 + h2 * v2
    noise = v1 + v2

    # Zero at |μ|² = C* Tr Σ, C* = (η/2)(μᵀHμ + Tr HΣ)/Tr Σ.
    threshold = eta / 2 * bend / noise
    assert sp.cancel(rise - eta * noise * (threshold - (m1**2 + m2**2) / noise)) == 0


def test_where_curvature_is_the_same_everywhere_the_threshold_is_r_over_two_minus_r():
    r = eta * lam
    # μᵀHμ = λC, Tr HΣ = λ with Tr Σ = 1.
    found = sp.solve(sp.Eq(c, eta / 2 * (lam * c + lam)), c)[0]

    assert sp.cancel(found - r / (2 - r)) == 0


def test_from_c_of_one_on_no_noise_brings_the_share_to_half():
    assert probability.cantelli(1.0) == 0.5
    assert sp.diff(c / (1 + c), c).equals(1 / (1 + c) ** 2)
