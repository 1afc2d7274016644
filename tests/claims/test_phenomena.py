"""What C41 and C43 say instead of the claim, derived again in symbols (sympy) and in plain arithmetic."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

from sdesim.shipped import study

study("claims")
estimates = import_module("sdesim_claims.estimates")


def test_c_of_a_regression_is_a_weighted_mean_of_squared_singular_values():
    rng = np.random.default_rng(0)
    n, width, step = 12, 7, 9
    a, y = rng.standard_normal((n, width)), rng.standard_normal(n)
    u, s, _ = np.linalg.svd(a)
    s2 = np.concatenate([s**2, np.zeros(n - width)])
    left = (1 - s2 / s2.max()) ** step * (u.T @ y)
    r = u @ left
    features = (r**2 * (a**2).sum(axis=1)).sum() / (r @ r)

    c = estimates.c_one(a * r[:, None])

    # 1e-12 is rounding of a dozen products.
    assert n * c / (1 + c) == pytest.approx((left**2 @ s2) / (left @ left) / features, rel=1e-12)


def test_along_a_descent_that_mean_falls_from_the_targets_own_to_the_smallest():
    sp = pytest.importorskip("sympy")
    t, q, gap, c1, c2 = sp.symbols("t q gap c1 c2", positive=True)
    # Two modes besides the fastest, s² = q + gap and q in units of its square, left to (1 − s²)^t = e^{−at}.
    a, more = sp.symbols("a more", positive=True)
    fast, slow = (c1 * sp.exp(-(a + more) * t)) ** 2, (c2 * sp.exp(-a * t)) ** 2
    middle = (fast * (q + gap) + slow * q) / (fast + slow)

    slope = sp.diff(middle, t)

    # −log(1 − s²) grows with s², so that `more` is above 0 and the slope below.
    assert sp.simplify(slope + 2 * gap * more * fast * slow / (fast + slow) ** 2) == 0
    assert sp.simplify(middle.subs(t, 0) - (c1**2 * (q + gap) + c2**2 * q) / (c1**2 + c2**2)) == 0
    # The share of the faster mode is 1/(1 + (c2/c1)² e^{2 more t}), which goes to 0.
    assert sp.simplify((middle - q) / gap - 1 / (1 + (c2 / c1) ** 2 * sp.exp(2 * more * t))) == 0


def test_the_formula_of_tickets_against_the_definition():
    sp = pytest.importorskip("sympy")
    d, d_h, signal, noise, signal_kept, noise_kept = sp.symbols("d d_H m v m_S v_S", positive=True)
    definition = (signal_kept / noise_kept) / (signal / noise)
    formula = d / d_h * signal / signal_kept

    over = sp.simplify(formula / definition)

    assert sp.simplify(over - d / d_h * (signal / signal_kept) ** 2 * noise_kept / noise) == 0
    # Nothing pruned: the ratio is 1, the formula says d/d_H.
    assert over.subs({signal_kept: signal, noise_kept: noise}) == d / d_h
    # More of the signal kept raises the ratio and lowers the formula.
    assert sp.diff(definition, signal_kept).is_positive
    assert sp.diff(formula, signal_kept).is_negative
