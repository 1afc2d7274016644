"""How far SGD gets, and what a window reads of a signal that moves, derived again in symbols."""

from __future__ import annotations

from fractions import Fraction
from importlib import import_module

import numpy as np
import sympy as sp

from sdesim.shipped import study

study("claims")
walks = import_module("sdesim_claims.walks")


def test_the_exponent_of_a_walk_with_drift_is_within_a_tenth_of_a_half_up_to_a_quarter_of_1_over_c():
    k, c, noise, eta = sp.symbols("k c noise eta", positive=True)
    distance = eta * sp.sqrt(k * noise + k**2 * c * noise)

    exponent = sp.simplify(k * sp.diff(sp.log(distance), k))

    assert sp.simplify(exponent - (1 + k * c / (1 + k * c)) / 2) == 0
    assert exponent.subs(k, 1 / (4 * c)) == sp.Rational(6, 10)
    assert sp.simplify(sp.diff(exponent, k) * (1 + k * c) ** 2 * 2 / c) == 1


def test_a_window_reads_to_first_order_the_signal_less_what_its_steps_move():
    theta, curvature, eta = sp.symbols("theta curvature eta", positive=True)
    noises = sp.symbols("e0:4")
    read, x = [], theta
    for e in noises:
        gradient = curvature * x + e
        read.append(gradient)
        x = x - eta * gradient
    mu = curvature * theta
    for s, t in ((0, 1), (0, 3), (1, 2), (2, 3)):
        product = sp.Poly(sp.expand(read[s] * read[t]), *noises)
        # Independent noises of mean 0 and variance 1.
        mean = sum(c for powers, c in product.terms() if all(p in (0, 2) for p in powers))
        first = sp.series(mean, eta, 0, 2).removeO()

        assert sp.expand(first - mu**2 + eta * ((s + t) * curvature * mu**2 + curvature)) == 0


def test_a_window_at_the_noise_floor_reads_the_signal_with_the_wrong_sign():
    n, r = 6, Fraction(1, 5)
    # λθ and gradients as combinations of λθ₀ and of the noises that follow.
    u = np.array([Fraction(1)] + [Fraction(0)] * n)
    gradients = []
    for j in range(n):
        g = u.copy()
        g[j + 1] += 1
        gradients.append(g)
        u = u - r * g
    variances = np.array([r / (2 - r)] + [Fraction(1)] * n)
    products = [(gradients[s] * gradients[t] * variances).sum() for s in range(n) for t in range(s + 1, n)]

    # The state is stationary: its variance is the one that it started with.
    assert (u * u * variances).sum() == variances[0]
    assert walks._at_the_floor(r, n) == sum(products) / len(products) / variances[0]
    assert -1 < walks._at_the_floor(Fraction(1, 10**6), 20) < Fraction(-9999, 10000)
