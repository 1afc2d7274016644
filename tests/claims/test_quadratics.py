"""Descent on ill-conditioned quadratics, followed exactly: against plain arithmetic and against algebra."""

from __future__ import annotations

import math
from importlib import import_module

import numpy as np
import pytest

from sdesim.shipped import study

study("claims")
quadratics = import_module("sdesim_claims.quadratics")


@pytest.mark.parametrize("shape", ["isotropic", "as the Hessian", "sharpest direction"])
@pytest.mark.parametrize("eta", [0.3, 1.4, 1.9])
def test_the_contraction_is_the_largest_eigenvalue_of_the_moments(shape, eta):
    lam = quadratics.spectrum(100.0, 6)
    s = quadratics.shapes(lam)[shape]
    moments = np.diag((1 - eta * lam) ** 2) + eta**2 / 3.0 * np.outer(s, lam**2)

    rho = quadratics.contraction(eta, lam, s, 3.0)

    assert rho == pytest.approx(abs(np.linalg.eigvals(moments)).max(), rel=1e-10)


def test_moments_are_those_of_draws():
    lam, noise, base, steps = np.array([1.0, 0.1]), np.array([0.2, 0.3]), np.array([0.5]), 4
    rng, n = np.random.default_rng(0), 200_000
    theta = rng.choice([-1.0, 1.0], (n, 2))
    for _ in range(steps):
        theta = theta - 0.5 * (lam * theta + np.sqrt(noise) * rng.standard_normal((n, 2)))
    each = (lam * theta**2).sum(axis=1) / 2

    loss, p = quadratics.followed(lam, noise, base, steps, lambda p, t: np.ones_like(p))

    c = loss[-1, 0]
    # 5 standard errors: a false alarm in 2 million.
    assert abs(each.mean() - c) < 5 * each.std() / math.sqrt(n)
    start = (lam**2).sum() / noise.sum()
    assert p[0, 0] == pytest.approx(start / (1 + start))


def test_at_the_edge_the_mean_loss_stays():
    for condition in (1.0, 100.0):
        lam = quadratics.spectrum(condition, 20)
        for s in quadratics.shapes(lam).values():
            assert quadratics.contraction(quadratics.edge(lam, s, 3.0), lam, s, 3.0) == pytest.approx(1.0)


def test_without_noise_the_best_rate_is_that_of_the_textbook():
    lam = quadratics.spectrum(100.0, 20)

    eta, rho = quadratics.best(lam, lam, math.inf)

    assert eta == pytest.approx(2 / 1.01, rel=1e-6)
    assert rho == pytest.approx((99 / 101) ** 2, rel=1e-6)


def test_the_edge_that_noise_leaves_and_the_best_rates_are_derived_again():
    import sympy as sp

    r, c, p, k = sp.symbols("r c p k", positive=True)
    # One eigenvalue: E L₊/L = (1 − r)² + r²/C, least at r = p = C/(1 + C), where it is 1 − p.
    factor = (1 - r) ** 2 + r**2 / c
    least = sp.solve(sp.diff(factor, r), r)
    assert sp.simplify(least[0] - c / (1 + c)) == 0
    assert sp.simplify(factor.subs(r, c / (1 + c)) - 1 / (1 + c)) == 0
    # It is 1 at r = 2p, and r/(2 − r) = C there.
    assert sp.simplify(factor.subs(r, 2 * c / (1 + c)) - 1) == 0
    assert sp.simplify((r / (2 - r)).subs(r, 2 * c / (1 + c)) - c) == 0
    # Two directions of shares s, 1 − s: det(A − 1) = 0 ⟺ s r/(2 − r) + (1 − s) q/(2 − q) = C.
    s, q = sp.symbols("s q", positive=True)
    a = sp.Matrix([
        [(1 - r) ** 2 + s * r**2 / c - 1, s * q**2 / c],
        [(1 - s) * r**2 / c, (1 - q) ** 2 + (1 - s) * q**2 / c - 1],
    ])  # fmt: skip
    condition = s * r / (2 - r) + (1 - s) * q / (2 - q) - c
    assert sp.cancel(a.det() + r * q * (2 - r) * (2 - q) / c * condition) == 0
    # Rates of contraction: log(1 + C), twice as fast at C = 3 as at C = 1, as the odds only where C is small.
    speed = sp.log(1 + c)
    assert sp.simplify(sp.expand_log(speed.subs(c, 3) / speed.subs(c, 1), force=True)) == 2
    assert sp.limit(speed.subs(c, k * c) / speed, c, 0) == k
    # The decrease at x times the best rate, over the best: 2x − x², and p is the best.
    x = sp.symbols("x", positive=True)
    decrease = 1 - ((1 - x * p) ** 2 + (x * p) ** 2 * (1 - p) / p)
    assert sp.simplify(decrease - p * (2 * x - x**2)) == 0


def test_a_constant_rate_ends_where_c_is_at_its_threshold():
    import sympy as sp

    eta, noise = sp.symbols("eta T", positive=True)
    lam, s = sp.symbols("l1:3", positive=True), sp.symbols("s1:3", positive=True)
    # Stationary m = (1 − ηλ)² m + η² T s.
    m = [eta**2 * noise * b / (1 - (1 - eta * a) ** 2) for a, b in zip(lam, s, strict=True)]
    c = sum(a**2 * x for a, x in zip(lam, m, strict=True)) / noise
    # C* = (η/2)(μᵀHμ + Tr HΣ)/Tr Σ, Tr Σ = T.
    star = eta / 2 * sum(a**3 * x + noise * a * b for a, b, x in zip(lam, s, m, strict=True)) / noise
    assert sp.simplify(c - star) == 0
    # One eigenvalue: C = r/(2 − r) and p = r/2, below 0.45 where r < 0.9.
    r = sp.symbols("r", positive=True)
    one = sp.simplify(c.subs({lam[1]: lam[0], s[1]: 1 - s[0]}).subs(lam[0], r / eta))
    assert sp.simplify(one - r / (2 - r)) == 0
    assert sp.simplify(one / (1 + one) - r / 2) == 0
