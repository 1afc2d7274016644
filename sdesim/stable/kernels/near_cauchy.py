# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""The stable law near Cauchy's (α ≈ 1, β ≈ 0), by Fourier inversion along a turned ray.

With u = r e^{−i arctan x} and ℓ = log u the exponent of the S0 law is

    log φ(u) − iux = −r √(1 + x²) − Δ,    Δ = u E (ε − iβ εt),    E = (e^{−εℓ} − 1)/ε,  t = tan(πα/2),

so that Cauchy's law is taken out exactly and Δ, small, is all that is integrated; with r = v/√(1 + x²)

    f = (1/π(1 + x²)) [Re I + x Im I],   I = ∫ e^{−v−Δ} dv,
    S = (1/π) [arctan(1/x) + ∫ Im e^{−v−Δ} dv/v].

Nothing cancels: both parts of f and of S are of the size of the whole. The rule is the double exponential
one for half-lines, v = exp(τ − e^{−τ}).

For α ≈ 1 and any β, far tails come from the ray turned by −π/2, u = −is, s = v/x:

    f = (1/πx) ∫ e^{−v + Re K} sin(Im K) dv,    S = (1/π) ∫ e^{−v + Re K} sin(Im K) dv/v,
    Im K = (1 + β) sin(πα/2) s^α,   Re K = [β/(1 + sin(πα/2)) − 1 − β] cos(πα/2) s^α + βt (s^α − s),

positive integrands again. The light part of a law with β < 0, e^{−e^{πx/2}} at α = 1, is below any number
there.

Source: H. Takahasi, M. Mori, Publ. RIMS 9 (1974).
"""

from __future__ import annotations

import math

from sdesim.compiled.jit import compiled_apart

# Where this form is used.
EPSILON, BETA = 0.05, 0.1
# From where on the far tail's form is used.
FAR = 30.0
STEP, FIRST, LAST = 0.0625, -62, 66


@compiled_apart
def near_cauchy(x, alpha, beta):
    """(log f, S, 1 − S) at x of the S0 law."""
    epsilon = 1.0 - alpha
    t_epsilon = 2.0 / math.pi if epsilon == 0.0 else epsilon / math.tan(0.5 * math.pi * epsilon)
    root = math.hypot(1.0, x)
    cosine, sine, angle = 1.0 / root, x / root, math.atan(x)
    log_root = math.log(root)
    turn = epsilon * angle
    # (e^{ib} − 1)/ε at b = ε arctan x.
    half = 0.5 * angle * (math.sin(0.5 * turn) / (0.5 * turn) if turn != 0.0 else 1.0)
    versine = 2.0 * half * half * epsilon
    sinus = angle * (math.sin(turn) / turn if turn != 0.0 else 1.0)
    real, imaginary, tail = 0.0, 0.0, 0.0
    for k in range(FIRST, LAST + 1):
        tau = k * STEP
        fall = math.exp(-tau)
        log_v = tau - fall
        v = math.exp(log_v)
        r, log_r = v / root, log_v - log_root
        power = math.expm1(-epsilon * log_r)
        ratio = power / epsilon if epsilon != 0.0 else -log_r
        e_real = ratio * (1.0 - epsilon * versine) - versine
        e_imaginary = (1.0 + power) * sinus
        # E (ε − iβ εt), then times u.
        a = e_real * epsilon + e_imaginary * beta * t_epsilon
        b = e_imaginary * epsilon - e_real * beta * t_epsilon
        d_real = r * (a * cosine + b * sine)
        d_imaginary = r * (b * cosine - a * sine)
        weight = STEP * (1.0 + fall) * math.exp(-v - d_real)
        wave = -weight * math.sin(d_imaginary)
        real += v * weight * math.cos(d_imaginary)
        imaginary += v * wave
        tail += wave
    log_density = math.log(cosine * real + sine * imaginary) - math.log(math.pi * root)
    above = (math.atan2(1.0, x) + tail) / math.pi
    below = (math.atan2(1.0, -x) - tail) / math.pi
    return log_density, above, below


@compiled_apart
def far_near_one(x, alpha, beta):
    """(log f, log S) at x ≥ FAR of the S0 law, β > −1."""
    epsilon = 1.0 - alpha
    cosine, sine = math.sin(0.5 * math.pi * epsilon), math.cos(0.5 * math.pi * epsilon)
    t_epsilon = 2.0 / math.pi if epsilon == 0.0 else epsilon / math.tan(0.5 * math.pi * epsilon)
    level = (beta / (1.0 + sine) - 1.0 - beta) * cosine
    log_x = math.log(x)
    density, tail = 0.0, 0.0
    # (1 + β) sin(πα/2) x^{−α} is taken out of Im K.
    for k in range(FIRST, LAST + 1):
        tau = k * STEP
        fall = math.exp(-tau)
        log_v = tau - fall
        v = math.exp(log_v)
        log_s = log_v - log_x
        s = math.exp(log_s)
        power = math.expm1(-epsilon * log_s)
        ratio = power / epsilon if epsilon != 0.0 else -log_s
        s_alpha = s * (1.0 + power)
        real = level * s_alpha + beta * t_epsilon * s * ratio
        imaginary = (1.0 + beta) * sine * s_alpha
        scaled = math.exp(alpha * log_v) * (math.sin(imaginary) / imaginary if imaginary > 1e-8 else 1.0)
        term = STEP * (1.0 + fall) * math.exp(real - v) * scaled
        density += term * v
        tail += term
    log_unit = math.log((1.0 + beta) * sine / math.pi) - alpha * log_x
    return math.log(density) + log_unit - log_x, math.log(tail) + log_unit
