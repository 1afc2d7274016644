"""C of mixtures of objectives and of merged clients, derived again in symbols."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import sympy as sp

from sdesim.shipped import study

study("claims")
clients = import_module("sdesim_claims.clients")


def symbols(name, rows):
    return np.array(sp.symbols(f"{name}0:{rows}", real=True))[:, None]


def test_signal_and_noise_of_a_mixture_are_forms_of_its_weights():
    first, second = symbols("a", 3), symbols("b", 3)
    u, v = sp.symbols("u v", real=True)
    w = np.array([u, v])

    for of in (clients._signal, clients._noise):
        form = clients._matrix(first, second, of)

        assert sp.expand(of(u * first + v * second) - w @ form @ w) == 0


def test_the_largest_ratio_of_two_forms_is_the_largest_generalised_eigenvalue():
    # det(λN − M) = 0 at a stationary point of wᵀMw/wᵀNw, and there λ is its value.
    m, n, u = sp.Matrix([[3, 1], [1, 2]]), sp.Matrix([[2, 1], [1, 5]]), sp.symbols("u", real=True)
    w = sp.Matrix([u, 1])
    ratio = (w.T * m * w)[0] / (w.T * n * w)[0]
    values = sorted(sp.N(ratio.subs(u, at)) for at in sp.solve(sp.together(sp.diff(ratio, u)), u))
    roots = sorted(sp.N(x) for x in sp.solve((sp.symbols("t") * n - m).det(), sp.symbols("t")))

    assert all(abs(a - b) < 1e-12 for a, b in zip(values, roots, strict=True))


def test_moments_of_clients_merge_to_those_of_all():
    first, second = symbols("a", 2), symbols("b", 3)
    whole = np.concatenate([first, second])

    merged = clients._merged([(len(g), g.mean(axis=0), clients._noise(g)) for g in (first, second)])

    assert sp.simplify(merged - clients._signal(whole) / clients._noise(whole)) == 0
