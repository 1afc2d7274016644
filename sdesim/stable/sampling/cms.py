# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Compiled draws of standard α-stable laws (Chambers–Mallows–Stuck), accurate through α = 1.

With V uniform on (−π/2, π/2), W standard exponential, ε = 1 − α and t = tan(πα/2), the S1 draw of
Chambers, Mallows & Stuck (JASA 71, 1976; in the form of Weron, Stat. Prob. Lett. 28, 1996, eq. 3.2) is

    Z₁ = (sin αV + βt cos αV)/cos V · e^Λ,     Λ = (ε/α) ℓ,   ℓ = log(a/(W cos V)),
    a  = cos εV + βt sin εV.

The normalising powers of 1 + β²t² cancel. For β ≠ 0 and α → 1 both Z₁ and βt diverge; the draw is
therefore made in the S0 parametrization, Z₀ = Z₁ − βt, with the divergence taken out by hand:

    Z₀ = (a tan V − sin εV) e^Λ + β [ (tε/α) ℓ · (e^Λ − 1)/Λ · cos εV − t (1 − cos εV) ],

where t only ever appears as tε, which tends to 2/π; at ε = 0 this is the α = 1 formula itself.
"""

from __future__ import annotations

import math

import numpy as np

from sdesim.compiled.jit import compiled
from sdesim.compiled.philox import cos_core, exp, exp_parts, log, sinc_core, sincos_turns, uniforms

# Beyond e^600 a draw is cut off, so that small α can't overflow the sums that follow.
LARGEST_EXPONENT = 600.0


@compiled
def sine_turns(y):
    """sin 2πy for 0 ≤ y ≤ ¼, by Chebyshev interpolation in y², relative error 4e-17 before rounding."""
    z = y * y
    p = 0.10089695501646812
    p = p * z - 0.7177337921413454
    p = p * z + 3.8199280942271643
    p = p * z - 15.0946416761179
    p = p * z + 42.058693925428685
    p = p * z - 76.70585975282492
    p = p * z + 81.60524927607362
    p = p * z - 41.341702240399755
    return y * (p * z + 6.283185307179586)


@compiled
def symmetric(u, v, alpha):
    """Symmetric draw, characteristic function exp(−|s|^α), from two uniforms on (0, 1)."""
    epsilon = 1.0 - alpha
    turns = 0.5 * v - 0.25
    size = abs(turns)
    part = alpha * size
    cosine = sine_turns(0.25 - size)
    sine_alpha = sine_turns(min(part, 0.5 - part))
    cosine_epsilon = sine_turns(0.25 - abs(epsilon) * size)
    # One division for 1/(w cos V) serves both quotients.
    w = -log(u)
    inverse = 1.0 / (w * cosine)
    length = log(cosine_epsilon * inverse)
    exponent = min(max((epsilon / alpha) * length, -LARGEST_EXPONENT), LARGEST_EXPONENT)
    value = (sine_alpha * (w * inverse)) * exp(exponent)
    return value if turns >= 0.0 else -value


@compiled
def skewed(u, v, alpha, beta, t_epsilon, kappa):
    """S0 draw Z₀ with skew β; t_epsilon = tε (2/π at α = 1), kappa = ε/sin(πε/2) (2/π at α = 1).

    a is summed from two positive parts, (1 − |β|) cos εV + |β| sin(εY)/sin(πε/2) with Y = π/2 + V sign β,
    because at |β| = 1 it tends to 0 at one end of V.
    """
    epsilon = 1.0 - alpha
    turns = 0.5 * v - 0.25
    angle = turns * (2.0 * math.pi)
    sine, cosine = sincos_turns(turns)
    half = 0.5 * epsilon * angle
    sinc = sinc_core(half * half)
    versine = 2.0 * (half * sinc) * (half * sinc)
    cosine_epsilon = 1.0 - versine
    sine_epsilon = epsilon * angle * (sinc * cos_core(half * half))
    y = math.pi * (v if beta > 0.0 else 1.0 - v)
    quarter = 0.25 * epsilon * y
    part = sinc_core(quarter * quarter)
    edge = (
        kappa * y * (part * cos_core(quarter * quarter)) * (1.0 - 2.0 * (quarter * part) * (quarter * part))
    )
    a = (1.0 - abs(beta)) * cosine_epsilon + abs(beta) * edge
    length = log(a / (-log(u) * cosine))
    exponent = min(max((epsilon / alpha) * length, -LARGEST_EXPONENT), LARGEST_EXPONENT)
    power, r, ratio = exp_parts(exponent)
    growth = power * (r * ratio + 1.0)
    # (e^Λ − 1)/Λ: the series itself where no power of two was taken out, so that Λ = 0 needs no branch.
    slope = ratio if power == 1.0 else (power * (r * ratio) + (power - 1.0)) / exponent
    # t (1 − cos εV) = tε · εV²/2 · sinc²(εV/2): no division by ε.
    bend = t_epsilon * epsilon * (0.5 * angle * angle) * (sinc * sinc)
    drift = (t_epsilon / alpha) * length * slope * cosine_epsilon - bend
    return (a * (sine / cosine) - sine_epsilon) * growth + beta * drift


@compiled
def standard(u, v, alpha, beta, t_epsilon, kappa):
    """S0 draw; the cheaper symmetric formula where β = 0."""
    if beta == 0.0:
        return symmetric(u, v, alpha)
    return skewed(u, v, alpha, beta, t_epsilon, kappa)


@compiled
def mixing_radius(seed, stream, trajectory, pair, word, alpha):
    """√(2A), A positive α/2-stable with E e^{−sA} = exp(−s^{α/2}): √(2A) G is isotropic α-stable.

    A = sin(aU)/sin(U)^{1/a} · (sin((1 − a)U)/W)^{(1−a)/a}, a = α/2, U uniform on (0, π).
    Source: M. Kanter, Ann. Probab. 3 (1975); the subordination is Samorodnitsky & Taqqu (1994), §2.5.
    """
    u, v = uniforms(seed, stream, trajectory, pair, np.uint64(0), word)
    a = 0.5 * alpha
    turns = 0.5 * v
    sine, _ = sincos_turns(turns)
    sine_a, _ = sincos_turns(turns * a)
    sine_rest, _ = sincos_turns(turns * (1.0 - a))
    length = log(sine_rest / (-log(u) * sine))
    exponent = min(max(((1.0 - a) / a) * length, -LARGEST_EXPONENT), LARGEST_EXPONENT)
    return math.sqrt(2.0 * (sine_a / sine) * exp(exponent))
