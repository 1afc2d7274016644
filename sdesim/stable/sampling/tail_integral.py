# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Compiled tail probabilities of standard α-stable laws (S0), accurate through α = 1.

The Chambers–Mallows–Stuck draw Z₀(V, W) of `cms` is monotone in W, hence with w(V, x) the solution
of Z₀(V, w) = x

    P(Z₀ > x) = (1/π) ∫ P(W on the right side of w(V, x)) dV,    log w = log(a/cos V) − (α/ε) Λ(V, x),
    Λ = log(x′ cos V/D) = log(1 + N/D),    x′ = x + βt,    D = sin αV + βt cos αV,
    N = x cos V − sin αV + βt (cos V − cos αV).

The integrand lies between 0 and 1 and nothing cancels, so that far tails keep their relative accuracy.
As in `cms`, t only appears as tε. This is the integral of Zolotarev and Nolan in another form.

Source: J. Nolan, "Numerical calculation of stable densities and distribution functions", Comm. Stat.
Stoch. Models 13 (1997); V. Zolotarev, One-dimensional Stable Distributions (1986), §2.2.
"""

from __future__ import annotations

import math

import numpy as np

from sdesim.compiled.jit import compiled
from sdesim.stable.kernels.geometry import sinc

# Integration runs over z, y = π/2 − V = π/(1 + e^{−z}); beyond −80 lies less than 1e-34 of the range. The
# integrand falls from 1 to 0 around one z, at any steepness, and is not smooth where D = 0: panels shrink by
# 8 towards both, so that no feature hides between the nodes.
LEFT, RIGHT = -80.0, 40.0
LEVELS, SHRINK = 16, 8.0
DEEPEST = 60
TOLERANCE = 1e-13
# Numbers of points of the midpoint rule; doubling them takes its relative error to a power above √2.
FEWEST, MOST, AGREED = 24, 5000, 1e-10
# Share of the whole below which a panel is not looked into.
NOTHING = 1e-18


@compiled
def probability(z, x, alpha, beta, t_epsilon, kappa):
    """P(Z₀ > x | V), and a number with the sign of D."""
    epsilon = 1.0 - alpha
    y = math.pi / (1.0 + math.exp(-z))
    rest = math.pi / (1.0 + math.exp(z))
    angle = 0.5 * (rest - y)
    cosine = math.sin(min(y, rest))
    sine = math.cos(y)
    cosine_epsilon = math.cos(epsilon * angle)
    sine_alpha = sine * cosine_epsilon - cosine * math.sin(epsilon * angle)
    # N and εD from a symmetric and a totally skewed part, as a below: at |β| = 1 all three tend to 0 at
    # one end of V.
    edge, other, side = (rest, y, -sine) if beta > 0.0 else (y, rest, sine)
    bow = 0.5 * epsilon * (0.25 * math.pi**2 - edge * edge)
    bow *= sinc(0.5 * epsilon * (0.5 * math.pi + edge)) * sinc(0.5 * epsilon * (0.5 * math.pi - edge))
    skewed = kappa * (cosine * bow - side * edge * sinc(epsilon * edge))
    numerator = x * cosine - (1.0 - abs(beta)) * sine_alpha - beta * skewed
    sine_edge = math.sin(alpha * edge if edge < other else other + epsilon * edge)
    denominator = (1.0 - abs(beta)) * epsilon * sine_alpha + beta * kappa * sine_edge
    ratio = (epsilon * x + beta * t_epsilon) * cosine / denominator
    sign = denominator if epsilon > 0.0 else -denominator
    if not ratio > 0.0:
        return (1.0 if sign > 0.0 else 0.0), sign
    # Near α = 1 the ratio tends to 1 and its logarithm is taken from the difference; elsewhere the
    # numerator would cancel.
    if abs(epsilon) < 0.1 and abs(ratio - 1.0) < 0.5:
        q = epsilon * numerator / denominator
        growth = math.log1p(q) / q if abs(q) > 1e-8 else 1.0 - 0.5 * q
        exponent = alpha * (numerator / denominator) * growth
    else:
        exponent = (alpha / epsilon) * math.log(ratio)
    a = (1.0 - abs(beta)) * cosine_epsilon + abs(beta) * kappa * edge * sinc(epsilon * edge)
    w = math.exp(min(math.log(a / cosine) - exponent, 700.0))
    return (-math.expm1(-w) if denominator > 0.0 else math.exp(-w)), sign


@compiled
def panel(start, end, nodes, weights, x, alpha, beta, t_epsilon, kappa):
    """Gauss–Legendre integral of P dy/dz over one panel."""
    middle, reach = 0.5 * (start + end), 0.5 * (end - start)
    total = 0.0
    for k in range(nodes.size):
        z = middle + reach * nodes[k]
        measure = math.pi / ((1.0 + math.exp(-z)) * (1.0 + math.exp(z)))
        total += weights[k] * measure * probability(z, x, alpha, beta, t_epsilon, kappa)[0]
    return total * reach


@compiled
def fall(x, positive, alpha, beta, t_epsilon, kappa):
    """z where P falls through ½, or where D turns negative."""
    low, high = LEFT, RIGHT
    while True:
        middle = 0.5 * (low + high)
        if not low < middle < high:
            return middle
        share, sign = probability(middle, x, alpha, beta, t_epsilon, kappa)
        if (sign > 0.0) if positive else (share > 0.5):
            low = middle
        else:
            high = middle


@compiled
def graded(edges, centre, count):
    """Append edges that close in on a centre from both ends of the range."""
    left, right = centre - LEFT, RIGHT - centre
    for _ in range(LEVELS):
        edges[count] = centre - left
        edges[count + 1] = centre + right
        count += 2
        left /= SHRINK
        right /= SHRINK
    edges[count] = centre
    return count + 1


@compiled
def tail_probabilities(points, nodes, weights, alpha, beta, t_epsilon, kappa):
    """P(Z₀ > x) for each of the points, by panels halved until both halves agree with the whole."""
    out = np.empty(points.size)
    edges = np.empty(2 * (2 * LEVELS + 1))
    stack = np.empty((edges.size + DEEPEST + 2, 4))
    for i in range(points.size):
        x = points[i]
        count = graded(edges, fall(x, False, alpha, beta, t_epsilon, kappa), 0)
        graded(edges, fall(x, True, alpha, beta, t_epsilon, kappa), count)
        edges.sort()
        rough, top = 0.0, 0
        for k in range(edges.size - 1):
            if edges[k] < edges[k + 1]:
                start, end = edges[k], edges[k + 1]
                value = panel(start, end, nodes, weights, x, alpha, beta, t_epsilon, kappa)
                rough += value
                stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3] = start, end, value, 0.0
                top += 1
        total = 0.0
        while top > 0:
            top -= 1
            start, end, value, depth = stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3]
            # P is monotonic between the centres, and panels that close in on them follow.
            if value <= NOTHING * rough:
                total += value
                continue
            middle = 0.5 * (start + end)
            left = panel(start, middle, nodes, weights, x, alpha, beta, t_epsilon, kappa)
            right = panel(middle, end, nodes, weights, x, alpha, beta, t_epsilon, kappa)
            if abs(left + right - value) <= TOLERANCE * max(rough, total) or depth >= DEEPEST:
                total += left + right
                continue
            stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3] = start, middle, left, depth + 1
            top += 1
            stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3] = middle, end, right, depth + 1
            top += 1
        out[i] = total / math.pi
    return out


@compiled
def light_tails(points, alpha, beta, t_epsilon, kappa, out):
    """P(Z₀ > x) on the thin side of a totally skewed law, β = −1; NaN where it can not be told.

    There P has all derivatives 0 at one end of V and is even about the other, so that the midpoint rule in V
    converges as fast as any. The tail is taken up to a fifth, where P is not steep.
    """
    for i in range(points.size):
        out[i] = math.nan
        count, before = FEWEST, -1.0
        while count <= MOST:
            total = 0.0
            for k in range(count):
                y = (k + 0.5) / count
                z = math.log(y / (1.0 - y))
                total += probability(z, points[i], alpha, beta, t_epsilon, kappa)[0]
            total /= count
            if abs(total - before) <= AGREED * total:
                if total <= 0.2:
                    out[i] = total
                break
            before = total
            count *= 2
