# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Series of the density and of the tail probability at x′ = ∞ and at x′ = 0, x′ > 0 (see `geometry`).

    f = 1/(πx′)  Σ_{n≥1} (−1)^{n−1} Γ(nα + 1)/n! (|C| x′^{−α})^n sin(nαL),
    S = 1/π      Σ_{n≥1} (−1)^{n−1} Γ(nα)/n!     (|C| x′^{−α})^n sin(nαL)

converge for α < 1 and are asymptotic for α > 1; with X = x′|C|^{−1/α}

    f = 1/(παx′) Σ_{k≥1} (−1)^{k−1} Γ(k/α)/(k − 1)! X^k sin(kL),
    ρ − S = 1/(πα) Σ_{k≥1} (−1)^{k−1} Γ(k/α)/k! X^k sin(kL)

converge for α > 1 and are asymptotic for α < 1. The size of the first term left out, without its sine (the
sine hides parts that are exponentially small, such as a Gaussian middle beside a weak tail), bounds the rest.

Source: V. Zolotarev, One-dimensional Stable Distributions (1986), §2.4–2.5; W. Feller II (1971), XVII.6.
"""

from __future__ import annotations

import math

from sdesim.compiled.jit import compiled_apart

MOST_TERMS = 200
# A sum is taken where the rest is below NEGLIGIBLE of it and no term is larger than LOSS times it.
NEGLIGIBLE, LOSS, HUGE = 1e-17, 30.0, 1e250


@compiled_apart
def at_infinity(x, alpha, angle, rest, log_modulus):
    """(whether the bound holds, log f, log S)."""
    log_q = log_modulus - alpha * math.log(x)
    density, tail, largest = 0.0, 0.0, 0.0
    # Terms are scaled by q Γ(α + 1).
    first = log_q + math.lgamma(alpha + 1.0)
    # sin(nαL) (−1)^{n−1} = sin(n(π − αL)): the smaller angle is the more exact one.
    nearer = rest < angle
    before = math.inf
    for n in range(1, MOST_TERMS):
        size = math.exp(math.lgamma(n * alpha + 1.0) - math.lgamma(n + 1.0) + n * log_q - first)
        if size > HUGE or (size > before and n > 2 and alpha > 1.0):
            return False, 0.0, 0.0
        before = size
        if n > 1 and size <= NEGLIGIBLE * min(abs(density), abs(tail) * n * alpha):
            if largest > LOSS * min(abs(density), abs(tail)) or density <= 0.0 or tail <= 0.0:
                return False, 0.0, 0.0
            return (
                True,
                first + math.log(density) - math.log(math.pi * x),
                first + math.log(tail) - math.log(math.pi),
            )
        sine = math.sin(n * rest) if nearer else (math.sin(n * angle) if n % 2 == 1 else -math.sin(n * angle))
        density += size * sine
        tail += size * sine / (n * alpha)
        largest = max(largest, size * abs(sine))
    return False, 0.0, 0.0


@compiled_apart
def at_zero(x, alpha, side, other, log_modulus):
    """(whether the bound holds, f, ρ − S), x ≥ 0."""
    # The factor x^{k−1} is kept in the density: x may be 0.
    log_unit = -log_modulus / alpha
    log_x = log_unit + (math.log(x) if x > 0.0 else -math.inf)
    density, below, largest, most = 0.0, 0.0, 0.0, 0.0
    before = math.inf
    nearer = other < side
    for k in range(1, MOST_TERMS):
        size = math.exp(math.lgamma(k / alpha) - math.lgamma(float(k)) + log_unit)
        if k > 1:
            size = math.exp(math.lgamma(k / alpha) - math.lgamma(float(k)) + log_unit + (k - 1) * log_x)
        if size > HUGE or (size > before and k > 2 and alpha < 1.0):
            return False, 0.0, 0.0
        before = size
        if k > 1 and size <= NEGLIGIBLE * abs(density):
            good = density > 0.0 and largest <= LOSS * density and most <= LOSS * abs(below)
            return good, density / (math.pi * alpha), x * below / (math.pi * alpha)
        sine = math.sin(k * other) if nearer else (math.sin(k * side) if k % 2 == 1 else -math.sin(k * side))
        density += size * sine
        below += size * sine / k
        largest = max(largest, size * abs(sine))
        most = max(most, size * abs(sine) / k)
    return False, 0.0, 0.0
