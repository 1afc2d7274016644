# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Zolotarev's integrals for density and both tail probabilities of a stable law, by adaptive quadrature.

On the side x′ > 0 (see `geometry`), with y ∈ (0, L), V = y − L + π/2,

    f = α/(π|ε|x′) ∫ w e^{−w} dy,    S = (1/π) ∫ (1 − e^{−w}) dy  (α < 1),   (1/π) ∫ e^{−w} dy  (α > 1),
    log w = (1/ε) log|C| − (α/ε) log(x′ sin(L − y)/sin αy) + log(sin(π − L + εy)/sin(L − y)),

every integrand positive, so that nothing cancels. log w is monotone in y. As α → 1 its terms diverge, and x′
too where β ≠ 0; it is then written in x of the S0 law as in `sdesim.stable.sampling.tail_integral`, where
α = 1 is no exception. The integrals run over z, y = L/(1 + e^{−z}), which resolves both ends; panels grow by
powers of two from where w passes through 1 (or from its least value, where that is larger: the light tails),
and are halved until the rules of 10 and 21 points agree.

Source: J. Nolan, "Numerical calculation of stable densities and distribution functions", Comm. Stat.
Stoch. Models 13 (1997); R. Piessens et al., QUADPACK (1983), for the rule and its error.
"""

from __future__ import annotations

import math

import numpy as np

from sdesim.compiled.jit import compiled, compiled_apart
from sdesim.stable.kernels.geometry import sinc

# Where log w is written in x of the S0 law.
NEAR_ONE = 0.1
REACH = 80.0
TOLERANCE, ROUNDING = 1e-15, 2e-16
DEEPEST, ROOM = 25, 400
# No panel near a singularity of log w is wider, which lies at a distance of π.
WIDEST, TINY = 4.0, 1e-300
# e^{−DEAD} is nothing.
DEAD = 700.0
# Beyond a least w of HEAVIEST, logarithms are that number; e^LIGHTEST is as good as infinite.
LIGHTEST, HEAVIEST = 700.0, 1e13
BISECTIONS, NUDGE, STEEPEST = 30, 1e-6, 1e9

# Gauss–Kronrod, 21 points: nodes x ≥ 0, their weights, and Gauss's of the odd ones.
NODES = np.array(
    [
        0.995657163025808080735527280689003,
        0.973906528517171720077964012084452,
        0.930157491355708226001207180059508,
        0.865063366688984510732096688423493,
        0.780817726586416897063717578345042,
        0.679409568299024406234327365114874,
        0.562757134668604683339000099272694,
        0.433395394129247190799265943165784,
        0.294392862701460198131126603103866,
        0.148874338981631210884826001129720,
        0.0,
    ]
)
KRONROD = np.array(
    [
        0.011694638867371874278064396062192,
        0.032558162307964727478818972459390,
        0.054755896574351996031381300244580,
        0.075039674810919952767043140916190,
        0.093125454583697605535065465083366,
        0.109387158802297641899210590325805,
        0.123491976262065851077958109585166,
        0.134709217311473325928054001771707,
        0.142775938577060080797094273138717,
        0.147739104901338491374841515972068,
        0.149445554002916905664936468389821,
    ]
)
GAUSS = np.array(
    [
        0.0,
        0.066671344308688137593568809893332,
        0.0,
        0.149451349150580593145863396957698,
        0.0,
        0.219086362515982043995534934228163,
        0.0,
        0.269266719309996355091226921569469,
        0.0,
        0.295524224714752870173815619188769,
        0.0,
    ]
)


@compiled_apart
def log_w_near_one(y, rest, other, x, alpha, beta, t_epsilon, kappa):
    """log w from x of the S0 law; rest = L − y, other = π − L."""
    epsilon = 1.0 - alpha
    q, r = rest, other + y
    angle = 0.5 * (r - q)
    cosine = math.sin(min(q, r))
    sine = math.cos(q)
    cosine_epsilon = math.cos(epsilon * angle)
    sine_alpha = sine * cosine_epsilon - cosine * math.sin(epsilon * angle)
    # N and εD from a symmetric and a totally skewed part, as a below: at |β| = 1 all three tend to 0 at
    # one end of V.
    edge, far, side = (r, q, -sine) if beta > 0.0 else (q, r, sine)
    bow = 0.5 * epsilon * (0.25 * math.pi**2 - edge * edge)
    bow *= sinc(0.5 * epsilon * (0.5 * math.pi + edge)) * sinc(0.5 * epsilon * (0.5 * math.pi - edge))
    skewed = kappa * (cosine * bow - side * edge * sinc(epsilon * edge))
    numerator = x * cosine - (1.0 - abs(beta)) * sine_alpha - beta * skewed
    sine_edge = math.sin(alpha * edge if edge < far else far + epsilon * edge)
    denominator = (1.0 - abs(beta)) * epsilon * sine_alpha + beta * kappa * sine_edge
    ratio = (epsilon * x + beta * t_epsilon) * cosine / denominator
    a = (1.0 - abs(beta)) * cosine_epsilon + abs(beta) * kappa * edge * sinc(epsilon * edge)
    if not ratio > 0.0:
        # Beyond the end of the side by rounding, where w is at its end too.
        return -math.inf if epsilon >= 0.0 else math.inf
    # Near α = 1 the ratio tends to 1 and its logarithm is taken from the difference; elsewhere the
    # numerator would cancel.
    if abs(ratio - 1.0) < 0.5:
        p = epsilon * numerator / denominator
        growth = math.log1p(p) / p if abs(p) > 1e-8 else 1.0 - 0.5 * p
        return math.log(a / cosine) - alpha * (numerator / denominator) * growth
    return math.log(a / cosine) - (alpha / epsilon) * math.log(ratio)


@compiled
def log_w(z, near, x, shift, alpha, beta, angle_rest, side, other, t_epsilon, kappa):
    """(log w, dy/dz) at y = L/(1 + e^{−z}); shift = (1/ε) log|C| − (α/ε) log x′, x of the S0 law."""
    up, down = math.exp(z), math.exp(-z)
    y, rest = side / (1.0 + down), side / (1.0 + up)
    slope = side / ((1.0 + up) * (1.0 + down))
    if near:
        return log_w_near_one(y, rest, other, x, alpha, beta, t_epsilon, kappa), slope
    epsilon = 1.0 - alpha
    sine_rest = math.sin(rest if rest < 1.6 else other + y)
    sine_alpha = math.sin(alpha * y if alpha * y < 1.6 else angle_rest + alpha * rest)
    # L − εy and its complement π − L + εy, both as sums of positive numbers.
    inner = alpha * side + epsilon * rest if epsilon > 0.0 else side - epsilon * y
    outer = other + epsilon * y if epsilon > 0.0 else angle_rest - epsilon * rest
    cosine = math.sin(inner if inner < 1.6 else outer)
    value = shift - (alpha / epsilon) * math.log(sine_rest / sine_alpha) + math.log(cosine / sine_rest)
    return value, slope


@compiled
def doubt(whole, gauss):
    """QUADPACK's error of a panel."""
    return whole * min(1.0, 200.0 * abs(whole - gauss) / whole) ** 1.5 if whole > 0.0 else 0.0


@compiled_apart
def panel(
    start, end, base, sign, near, x, shift, alpha, beta, angle_rest, side, other, t_epsilon, kappa
):  # fmt: skip
    """Integrals of w e^{base − w}, e^{base − w} and 1 − e^{−w} over a panel, and the error of each."""
    middle, reach = 0.5 * (start + end), 0.5 * (end - start)
    kf, ke, kc, gf, ge, gc = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(21):
        k = j if j <= 10 else 20 - j
        z = middle + (reach * NODES[k] if j > 10 else -reach * NODES[k])
        value, slope = log_w(sign * z, near, x, shift, alpha, beta, angle_rest, side, other, t_epsilon, kappa)
        w = math.exp(min(value, LIGHTEST))
        fall = math.exp(min(base - w, 0.0))
        f, e, c = w * fall * slope, fall * slope, -math.expm1(-w) * slope
        kf += KRONROD[k] * f
        ke += KRONROD[k] * e
        kc += KRONROD[k] * c
        gf += GAUSS[k] * f
        ge += GAUSS[k] * e
        gc += GAUSS[k] * c
    kf, ke, kc = kf * reach, ke * reach, kc * reach
    return kf, ke, kc, doubt(kf, gf * reach), doubt(ke, ge * reach), doubt(kc, gc * reach)


@compiled_apart
def integrate(near, x0, x1, alpha, beta, angle_rest, side, other, log_modulus):
    """(log ∫ w e^{−w} dy, log ∫ e^{−w} dy, log ∫ (1 − e^{−w}) dy) over the side x′ = x1 > 0."""
    epsilon = 1.0 - alpha
    t_epsilon, kappa = 2.0 / math.pi, 2.0 / math.pi
    if epsilon != 0.0:
        t_epsilon = epsilon / math.tan(0.5 * math.pi * epsilon)
        kappa = epsilon / math.sin(0.5 * math.pi * epsilon)
    shift = 0.0
    if not near:
        shift = (log_modulus - alpha * math.log(x1)) / epsilon
    sign = 1.0 if epsilon >= 0.0 else -1.0
    # In sign · z, w rises. First its least value, then where it passes through 1 above that, last how
    # steeply.
    low, high, centre, base, value = -REACH, REACH, -REACH, 0.0, 0.0
    width = 1.0
    for k in range(BISECTIONS + 3):
        before = value
        value, _ = log_w(
            sign * centre, near, x0, shift, alpha, beta, angle_rest, side, other, t_epsilon, kappa
        )
        if k == 0:
            base = math.exp(min(value, LIGHTEST)) if value > 0.0 else 0.0
            if base > HEAVIEST:
                # The rest of the logarithms is below their accuracy.
                return -base, -base, math.log(side)
        elif k <= BISECTIONS:
            if math.exp(min(value, 700.0)) - base > 1.0:
                high = centre
            else:
                low = centre
        elif k == BISECTIONS + 2:
            steep = abs(math.exp(min(value, 700.0)) - math.exp(min(before, 700.0))) / NUDGE
            width = 1.0 / min(max(steep, 1.0), STEEPEST)
            centre -= NUDGE
            break
        centre = centre + NUDGE if k == BISECTIONS + 1 else 0.5 * (low + high)
    # Between these, in sign · z, lie the points above which log w has its singularities, at ±iπ.
    first, last = min(centre, 0.0), max(centre, 0.0)
    if epsilon != 0.0:
        far = math.log1p(side / max(other, TINY))
        steepest = math.log1p(alpha * side / max(angle_rest, TINY))
        first = min(first, -far if sign > 0.0 else -steepest)
        last = max(last, steepest if sign > 0.0 else far)
    stack = np.empty((ROOM, 9))
    top = 0
    total_f, total_e, total_c = 0.0, 0.0, 0.0
    size_f, size_e, size_c = 0.0, 0.0, 0.0
    for direction in range(-1, 2, 2):
        edge, step = centre, width
        while top < ROOM - 2 and direction * edge < REACH:
            end = max(min(edge + direction * step, REACH), -REACH)
            kf, ke, kc, df, de, dc = panel(
                min(edge, end), max(edge, end), base, sign, near, x0, shift, alpha, beta, angle_rest, side,
                other, t_epsilon, kappa,
            )  # fmt: skip
            size_f, size_e, size_c = size_f + kf, size_e + ke, size_c + kc
            stack[top, 0], stack[top, 1], stack[top, 2] = min(edge, end), max(edge, end), 0.0
            stack[top, 3], stack[top, 4], stack[top, 5] = kf, ke, kc
            stack[top, 6], stack[top, 7], stack[top, 8] = df, de, dc
            top += 1
            edge = end
            value, _ = log_w(
                sign * edge, near, x0, shift, alpha, beta, angle_rest, side, other, t_epsilon, kappa
            )
            w = math.exp(min(value, LIGHTEST))
            # What is left of the range of y.
            left = side / (1.0 + math.exp(direction * edge))
            if direction > 0 and w - base > DEAD:
                total_c += left
                break
            outside = direction * edge > (last if direction > 0 else -first)
            if outside and kf <= ROUNDING * size_f and kc <= ROUNDING * size_c:
                if w < ROUNDING:
                    total_e += left
                    break
                if ke <= ROUNDING * size_e:
                    break
            step = 2.0 * step
            if first - WIDEST < edge + direction * step and edge - WIDEST < last:
                step = min(step, WIDEST)
    # w itself carries rounding errors, which no halving takes out.
    noise = ROUNDING * base * (1.0 + abs(shift) + math.log1p(base))
    tolerance = TOLERANCE + noise + (400.0 * noise) ** 1.5
    while top > 0:
        top -= 1
        kf, ke, kc = stack[top, 3], stack[top, 4], stack[top, 5]
        good = (
            stack[top, 6] <= tolerance * max(size_f, total_f)
            and stack[top, 7] <= tolerance * max(size_e, total_e)
            and stack[top, 8] <= tolerance * max(size_c, total_c)
        )
        start, end, depth = stack[top, 0], stack[top, 1], stack[top, 2]
        if good or depth >= DEEPEST or top + 2 > ROOM:
            total_f, total_e, total_c = total_f + kf, total_e + ke, total_c + kc
            continue
        middle = 0.5 * (start + end)
        for part in range(2):
            low, high = (start, middle) if part == 0 else (middle, end)
            kf, ke, kc, df, de, dc = panel(
                low, high, base, sign, near, x0, shift, alpha, beta, angle_rest, side, other, t_epsilon, kappa
            )
            stack[top, 0], stack[top, 1], stack[top, 2] = low, high, depth + 1.0
            stack[top, 3], stack[top, 4], stack[top, 5] = kf, ke, kc
            stack[top, 6], stack[top, 7], stack[top, 8] = df, de, dc
            top += 1
    log_f = math.log(total_f) - base if total_f > 0.0 else -math.inf
    log_e = math.log(total_e) - base if total_e > 0.0 else -math.inf
    log_c = math.log(total_c) if total_c > 0.0 else -math.inf
    return log_f, log_e, log_c
