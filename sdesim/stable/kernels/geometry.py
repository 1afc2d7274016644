# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Angles and modulus of a stable law on the side where x′ = x − (its S1 location) is positive.

With p± = (1 ± β)/2, ε = 1 − α and ρ = P(X′ > 0), Zolotarev's angle is αL = παρ = arg(±(p− + p+ e^{iπα})), +
for α < 1, and |C| = |p− + p+ e^{iπα}| / |cos(πα/2)| = (1 + β² tan²(πα/2))^{1/2}. Every angle comes with its
complement from sums of positive numbers, so that nothing is lost where one of them tends to 0: at α → 1,
α → 2 or |β| → 1.

Source: V. Zolotarev, One-dimensional Stable Distributions (1986), §2.2, form (C).
"""

from __future__ import annotations

import math

from sdesim.compiled.jit import compiled


@compiled
def sinc(x):
    """sin(x)/x."""
    return math.sin(x) / x if abs(x) > 1e-8 else 1.0


@compiled
def angles(alpha, beta):
    """(αL, π − αL, L, π − L, log|C|) of the side x′ > 0; α ≠ 1.

    L = πρ. The side x′ < 0 is that of −β.
    """
    epsilon = 1.0 - alpha
    size = abs(epsilon)
    plus, minus = 0.5 * (1.0 + beta), 0.5 * (1.0 - beta)
    # At α = 2 exactly the sine is 0, which no rounded π gives.
    sine = math.sin(math.pi * size) if size < 0.5 else math.sin(math.pi * (1.0 - size))
    half = math.sin(0.5 * math.pi * size)
    # p− − p+ cos πε, and the same with the sides exchanged.
    here = -beta + 2.0 * plus * half * half
    there = beta + 2.0 * minus * half * half
    if epsilon > 0.0:
        angle = math.atan2(plus * sine, here)
        other = math.atan2(minus * sine, there)
        rest = math.atan2(plus * sine, -here)
        return angle, rest, angle / alpha, other / alpha, modulus(beta, plus, minus, half)
    angle = math.atan2(plus * sine, -here)
    rest = math.atan2(plus * sine, here)
    return angle, rest, angle / alpha, (rest + math.pi * size) / alpha, modulus(beta, plus, minus, half)


@compiled
def modulus(beta, plus, minus, half):
    """log|C|; half = |cos(πα/2)|."""
    return 0.5 * math.log(beta * beta + 4.0 * plus * minus * half * half) - math.log(half)


@compiled
def log_sum(a, b):
    """log(e^a + e^b)."""
    high, low = max(a, b), min(a, b)
    return high + math.log1p(math.exp(low - high)) if low > -math.inf else high


@compiled
def log_less(a):
    """log(1 − e^a), a ≤ 0."""
    if a >= 0.0:
        return -math.inf
    return math.log(-math.expm1(a)) if a > -0.6931471805599453 else math.log1p(-math.exp(a))
