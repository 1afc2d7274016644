# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Logarithms of density and tail probabilities of standard stable laws, point by point.

Each point takes the first of these whose bound holds: closed forms (α = 2; Cauchy), the series at infinity
and at 0 (`series`), the turned ray near Cauchy's law (`near_cauchy`), Zolotarev's integrals (`zolotarev`).
"""

from __future__ import annotations

import math

from sdesim.compiled.jit import compiled, compiled_apart, compiled_entry
from sdesim.stable.kernels.geometry import angles, log_less, log_sum
from sdesim.stable.kernels.near_cauchy import BETA, EPSILON, FAR, far_near_one, near_cauchy
from sdesim.stable.kernels.series import at_infinity, at_zero
from sdesim.stable.kernels.zolotarev import NEAR_ONE, integrate

LOG_PI = math.log(math.pi)


@compiled
def safe_log(x):
    """log x, −∞ at 0 and below."""
    return math.log(x) if x > 0.0 else -math.inf


@compiled
def on_side(x0, x1, alpha, beta):
    """(log f, log S, log(1 − S)) where x′ = x1 > 0, or α = 1 and β > 0."""
    epsilon = 1.0 - alpha
    angle_rest, side, other, log_modulus = 0.0, math.pi, 0.0, 0.0
    # |∂ log w/∂x| at fixed V.
    rate = 0.5 * math.pi / abs(beta) if epsilon == 0.0 else alpha / abs(epsilon)
    if epsilon != 0.0:
        angle, angle_rest, side, other, log_modulus = angles(alpha, beta)
        if side == 0.0:
            return -math.inf, -math.inf, 0.0
        if x1 == 0.0:
            _, f, _ = at_zero(x1, alpha, side, other, log_modulus)
            return safe_log(f), safe_log(side / math.pi), safe_log(other / math.pi)
        good, log_f, log_s = at_infinity(x1, alpha, angle, angle_rest, log_modulus)
        if good:
            return log_f, log_s, log_less(log_s)
        good, f, below = at_zero(x1, alpha, side, other, log_modulus)
        above, under = side / math.pi - below, other / math.pi + below
        if good and above > 0.1 * side / math.pi:
            return safe_log(f), safe_log(above), safe_log(under)
    near = abs(epsilon) < NEAR_ONE and beta != 0.0
    f, e, c = integrate(near, x0, x1, alpha, beta, angle_rest, side, other, log_modulus)
    log_f = f + math.log(rate) - (math.log(x1) if epsilon != 0.0 else 0.0) - LOG_PI
    if epsilon >= 0.0:
        return log_f, c - LOG_PI, log_sum(e, safe_log(other)) - LOG_PI
    return log_f, e - LOG_PI, log_sum(c, safe_log(other)) - LOG_PI


@compiled_apart
def logarithms(x0, x1, alpha, beta):
    """(log f, log S, log F) of the standard law at x of its S0 and x1 of its S1 form; α < 2."""
    if math.isnan(x0):
        return math.nan, math.nan, math.nan
    if math.isinf(x0):
        return (-math.inf, -math.inf, 0.0) if x0 > 0.0 else (-math.inf, 0.0, -math.inf)
    epsilon = 1.0 - alpha
    if epsilon == 0.0 and beta == 0.0:
        log_f = -LOG_PI - (math.log1p(x0 * x0) if abs(x0) < 1e8 else 2.0 * math.log(abs(x0)))
        return log_f, math.log(math.atan2(1.0, x0)) - LOG_PI, math.log(math.atan2(1.0, -x0)) - LOG_PI
    if abs(epsilon) <= EPSILON and abs(beta) <= BETA:
        log_f, above, below = near_cauchy(x0, alpha, beta)
        return log_f, safe_log(above), safe_log(below)
    sign = 1.0 if x0 > 0.0 else -1.0
    if abs(epsilon) < NEAR_ONE and abs(x0) >= FAR and sign * beta > -1.0:
        log_f, log_s = far_near_one(abs(x0), alpha, sign * beta)
        return (log_f, log_s, log_less(log_s)) if sign > 0.0 else (log_f, log_less(log_s), log_s)
    sign = 1.0
    # At x′ = 0 the side is β's, so that the mirror image has the same bits.
    if (beta if epsilon == 0.0 or x1 == 0.0 else x1) < 0.0:
        sign = -1.0
    log_f, log_s, log_c = on_side(sign * x0, sign * x1, alpha, sign * beta)
    if sign < 0.0:
        return log_f, log_c, log_s
    return log_f, log_s, log_c


@compiled_entry
def evaluate(x0, x1, alpha, beta, out):
    """Rows log f, log S, log F of out (3, n), one law (α, β) a point."""
    for i in range(x0.size):
        out[0, i], out[1, i], out[2, i] = logarithms(x0[i], x1[i], alpha[i], beta[i])
