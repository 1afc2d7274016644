# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Quantiles of standard stable laws: Newton's method on the logarithm of the smaller tail, held in a bracket.

Away from α = 1 the unknown is log|x′|, the side being known from P(X′ > 0), so that quantiles near x′ = 0
keep their relative accuracy; near α = 1 it is arsinh x of the S0 law.
"""

from __future__ import annotations

import math

from sdesim.compiled.jit import compiled_apart, compiled_entry
from sdesim.stable.kernels.evaluation import logarithms
from sdesim.stable.kernels.geometry import angles
from sdesim.stable.kernels.zolotarev import NEAR_ONE

# e^±FURTHEST is beyond every float64.
FURTHEST = 745.0
MOST_STEPS = 120


@compiled_apart
def quantile(log_left, log_right, alpha, beta, shift):
    """(x of the S0 law, x′) with F(x) = e^log_left, 1 − F(x) = e^log_right; x′ = x + shift."""
    if math.isnan(log_left):
        return math.nan, math.nan
    left = log_left <= log_right
    target = log_left if left else log_right
    sided = abs(1.0 - alpha) >= NEAR_ONE
    sign = 1.0
    if sided:
        _, _, side, other, _ = angles(alpha, beta)
        if left:
            sign = -1.0 if math.exp(log_left) * math.pi < other else 1.0
        else:
            sign = 1.0 if math.exp(log_right) * math.pi < side else -1.0
    # The tail in question falls with ξ where `rising` is −1.
    rising = 1.0 if left == (sign > 0.0) else -1.0
    if not sided:
        rising = 1.0 if left else -1.0
    low, high, xi, step = -math.inf, math.inf, 0.0, 1.0
    for _ in range(MOST_STEPS):
        if sided:
            x1 = sign * math.exp(xi)
            x0 = x1 - shift
            jacobian = math.exp(xi)
        else:
            x0 = math.sinh(xi)
            x1 = x0 + shift
            jacobian = math.cosh(xi)
        log_f, log_s, log_c = logarithms(x0, x1, alpha, beta)
        tail = log_c if left else log_s
        miss = tail - target
        if miss == 0.0:
            break
        if (miss > 0.0) == (rising > 0.0):
            high = xi
        else:
            low = xi
        slope = rising * math.exp(log_f - tail) * jacobian if tail > -math.inf else 0.0
        new = xi - miss / slope if slope != 0.0 else math.inf
        if math.isinf(low) or math.isinf(high):
            # The bracket is open still: a Newton step of bounded length.
            move = step if math.isinf(high) else -step
            if (new - xi) * move > 0.0 and abs(new - xi) < step:
                move = new - xi
            else:
                step *= 2.0
            new = xi + move
        elif not low < new < high:
            new = 0.5 * (low + high)
        new = min(max(new, -FURTHEST), FURTHEST)
        done = abs(new - xi) <= 1e-15 * max(1.0, abs(xi))
        xi = new
        if done or high - low <= 2e-16 * max(1.0, abs(xi)):
            break
    if sided:
        x1 = sign * math.exp(xi)
        return x1 - shift, x1
    x0 = math.sinh(xi)
    return x0, x0 + shift


@compiled_entry
def solve(log_left, log_right, alpha, beta, shift, out):
    """Rows x of S0 and x′ of out (2, n)."""
    for i in range(log_left.size):
        out[0, i], out[1, i] = quantile(log_left[i], log_right[i], alpha[i], beta[i], shift[i])
