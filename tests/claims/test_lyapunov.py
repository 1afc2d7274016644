"""C18: where the mean loss falls, derived again."""

from __future__ import annotations

from importlib import import_module

import sympy

from sdesim.shipped import study

study("claims")
lyapunov = import_module("sdesim_claims.lyapunov")


def test_mean_loss_falls_exactly_where_c_is_above_its_critical_value():
    eta, h1, h2, m1, m2, s1, s2 = sympy.symbols("eta h1 h2 m1 m2 s1 s2", positive=True)
    z1, z2 = sympy.symbols("z1 z2")
    h, m, s, z = (h1, h2), (m1, m2), (s1, s2), (z1, z2)
    # θ_i = μ_i/h_i, noise of covariance diag(s_i); E z = 0, E z² = 1, E z1 z2 = 0 is all it needs.
    after = sum(
        a * (b / a - eta * (b + sympy.sqrt(c) * x)) ** 2 / 2 for a, b, c, x in zip(h, m, s, z, strict=True)
    )
    before = sum(b**2 / a / 2 for a, b in zip(h, m, strict=True))
    change = sympy.expand(after - before)
    mean = sum(
        coefficient * {(0, 0): 1, (2, 0): 1, (0, 2): 1}.get(powers, 0)
        for powers, coefficient in sympy.Poly(change, z1, z2).terms()
    )
    signal, noise = m1**2 + m2**2, s1 + s2
    h_mu = (h1 * m1**2 + h2 * m2**2) / signal
    h_sigma = (h1 * s1 + h2 * s2) / noise
    c, critical = signal / noise, eta * h_sigma / (2 - eta * h_mu)

    # E ΔL = −(η/2)(2 − ηh_μ) Tr Σ (C − C*): of the sign of C* − C wherever ηh_μ < 2.
    assert sympy.simplify(mean + eta / 2 * (2 - eta * h_mu) * noise * (c - critical)) == 0
    # One curvature: r/(2 − r).
    r = sympy.symbols("r", positive=True)
    assert sympy.simplify(critical.subs({h1: r / eta, h2: r / eta}) - r / (2 - r)) == 0
    # The SDE with D = (η/2)Σ keeps the first order: ℒV = −|μ|² + Tr(DH) < 0 where C > ηh_Σ/2.
    drift = -signal + eta / 2 * (h1 * s1 + h2 * s2)
    assert sympy.simplify(drift + noise * (c - eta * h_sigma / 2)) == 0
