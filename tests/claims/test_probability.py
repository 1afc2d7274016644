"""What the ledger says in place of C8 and C9, derived again and checked symbolically."""

from __future__ import annotations

import sympy as sp

c, d, r, m, s = sp.symbols("c d r m s", positive=True)
x = sp.symbols("x", real=True)


def normal(mean, spread):
    return sp.exp(-((x - mean) ** 2) / (2 * spread**2)) / (spread * sp.sqrt(2 * sp.pi))


def phi(z):
    return (1 + sp.erf(z / sp.sqrt(2))) / 2


def test_white_gaussian_noise_points_right_with_probability_phi_of_the_root_of_dc():
    # |μ|² = C·d·s², and g·μ/|μ| is normal about |μ| with deviation s.
    length = sp.sqrt(c * d) * s

    found = sp.integrate(normal(length, s), (x, 0, sp.oo))

    assert sp.simplify(found.rewrite(sp.erf) - phi(sp.sqrt(c * d))) == 0


def test_any_gaussian_noise_points_right_with_probability_phi_of_the_root_of_c_along_the_signal():
    m1, m2, a, b, k = sp.symbols("m_1 m_2 a b k", positive=True)
    mu, noise = sp.Matrix([m1, m2]), sp.Matrix([[a, k], [k, b]])
    square = (mu.T * mu)[0]
    ratio = square / sp.sqrt((mu.T * noise * mu)[0])

    white = ratio.subs({a: s**2, b: s**2, k: 0})

    # dC with d = 2.
    assert sp.simplify(white**2 - 2 * square / (2 * s**2)) == 0
    # c = |μ|⁴/(μᵀΣμ) is no less than C = |μ|²/Tr Σ: what |μ|² Tr Σ has more is the variance across μ.
    across = sp.Matrix([m2, -m1])
    rest = square * noise.trace() - (mu.T * noise * mu)[0]
    assert sp.expand(rest - (across.T * noise * across)[0]) == 0


def test_exponential_noise_points_wrong_more_often_than_not_below_a_small_c():
    # X = √c + E − 1 has mean √c and variance 1; it is positive where E > 1 − √c.
    e = sp.symbols("e", positive=True)
    found = sp.integrate(sp.exp(-e), (e, 1 - sp.sqrt(c), sp.oo))

    assert sp.simplify(found - sp.exp(sp.sqrt(c) - 1)) == 0
    edge = (1 - sp.log(2)) ** 2
    assert found.subs(c, edge).equals(sp.Rational(1, 2))
    assert round(float(edge), 3) == 0.094
    assert float(found.subs(c, 0.04)) < 0.5


def test_two_values_leave_the_least_probability_that_a_mean_and_a_variance_allow():
    chance, top = c / (1 + c), (1 + c) / c

    mean, square = chance * top, chance * top**2

    assert sp.simplify(mean - 1) == 0
    assert sp.simplify(square - mean**2 - 1 / c) == 0
    # Cantelli: with X = m + e, e ≤ −m makes (k − e)²/(m + k)² ≥ 1: P(X ≤ 0) ≤ (v + k²)/(m + k)².
    v, k = sp.symbols("v k", positive=True)
    bound = (v + k**2) / (m + k) ** 2
    best = sp.solve(sp.diff(bound, k), k)
    assert best == [v / m]
    assert sp.simplify(bound.subs(k, best[0]) - v / (v + m**2)) == 0


def test_p_is_coherence_and_the_best_relative_decrease():
    # |μ|² = C and Tr Σ = 1; the loss after a step over that before, E|μ − r g|²/|μ|².
    after = (1 - r) ** 2 + r**2 / c

    best = sp.solve(sp.diff(after, r), r)[0]

    p = c / (1 + c)
    assert sp.simplify(best - p) == 0
    assert sp.simplify(1 - after.subs(r, best) - p) == 0
    # Coherence: E⟨g, g′⟩ = |μ|² = C Tr Σ, E|g|² = |μ|² + Tr Σ.
    assert sp.simplify(c * s / (c * s + s) - p) == 0


def test_p_is_not_the_squared_cosine_of_noise_in_one_direction():
    # At C = 1 with noise across μ alone: E 1/(1 + z²) = √(π/2) e^{½} erfc(1/√2).
    found = sp.sqrt(sp.pi / 2) * sp.exp(sp.Rational(1, 2)) * sp.erfc(1 / sp.sqrt(2))

    numeric = sp.Integral(normal(0, 1) / (1 + x**2), (x, -sp.oo, sp.oo)).evalf(8)

    assert abs(float(found) - float(numeric)) < 1e-7
    assert float(found) > 0.65
