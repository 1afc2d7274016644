# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Compiled tail probabilities of standard α-stable laws (S0): the far series, and a contour integral.

Far out, with y = x + βt, t = tan(πα/2) and z = e^{iπα/2}(1 + iβt),

    P(Z₀ > x) = (1/π) Σ_k (−1)^{k+1} Γ(αk)/k! Im z^k y^{−αk},

which converges for α < 1 and is asymptotic for α > 1. Nearer, along the ray u = e^{s − iψ},

    P(Z₀ > x) = (1/π) ∫ Im[e^{−iux} (φ₀(u) − 1)] ds,     log φ₀(u) = −u^α + iβtε u (u^{−ε} − 1)/ε

(well below α = 1 in the same words for S1, with y and log φ₁(u) = −(1 − iβt) u^α, where u x and u y cancel).
The −1 takes away the pole at 0, so that heavy tails keep their relative accuracy; a ray that turns
upwards, where no −1 may stand, has ½ − ψ/π + (1/π) ∫ Im[e^{−iux} φ₀(u)] ds instead. Near α = 2 what stands
there is φ₀(u) − e^{−u²}, and ½ erfc(x/2) is added, so that its thin tail keeps its accuracy. The integrand is
analytic in a strip of s, where the trapezoidal rule converges geometrically. Both tell how far they can be
trusted; the integrals of `tail_integral` are asked for what is left.

Source: V. Zolotarev, One-dimensional Stable Distributions (1986), §2.4 and 2.5; L. Trefethen, J. Weideman,
"The exponentially convergent trapezoidal rule", SIAM Rev. 56 (2014).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sdesim.compiled.jit import compiled

Array = NDArray[np.float64]
TERMS = 120
# Below it rays are of φ₁.
BELOW_ONE = 0.9
# From here on the Gaussian is taken out.
NEAR_TWO = 1.9
# A sum of terms is off by its rounding times their size.
EPSILON = 2.0**-53
# Relative error up to which a value is taken, of the series and of the contour; of the contour also where the
# error itself is below `THIN` and no larger share of the value than `COARSEST`: thin tails of laws that are
# almost totally skewed.
SERIES, CONTOUR, THIN, COARSEST = 5e-14, 1e-13, 1e-17, 1e-7
# Terms of the integral below e^{−45} count for nothing.
NEGLIGIBLE = 45.0


@compiled
def series(x, shift, real, imaginary, size, alpha, factors):
    """(P(Z₀ > x), whether it is right to `SERIES`); z/|z| and log |z|, factors[k] = log Γ(αk)/k!."""
    y = x + shift
    if not y > 1e-3 * abs(shift):
        return 0.0, False
    rate = size - alpha * math.log(y)
    total, mass, last = 0.0, 0.0, math.inf
    cosine, sine = real, imaginary
    sign = 1.0
    for k in range(1, TERMS):
        term = math.exp(factors[k] + k * rate)
        # Past its smallest term the asymptotic series is of no use.
        if alpha > 1.0 and term > last:
            break
        total += sign * term * sine
        # The first sine is right to its last bit however small, the others to EPSILON.
        mass += term if k > 1 else term * abs(sine)
        if term <= 0.01 * SERIES * total:
            return total / math.pi, EPSILON * mass <= SERIES * total
        last, sign = term, -sign
        cosine, sine = cosine * real - sine * imaginary, cosine * imaginary + sine * real
    return 0.0, False


@compiled
def fill_ray(low, step, slant, decayed, alpha, beta, t_epsilon, shift, nodes):
    """Of each node s = low + k step: u (2 columns), what stands there for φ (2 columns), and log |φ(u)|.

    φ is φ₁ where the shift βt is not 0. Beyond node ``decayed`` it is left out: it is negligible on the real
    axis, where its path goes on.
    """
    epsilon = 1.0 - alpha
    for k in range(nodes.shape[0]):
        s = low + step * k
        radius = math.exp(s)
        u, v = radius * math.cos(slant), -radius * math.sin(slant)
        nodes[k, 0], nodes[k, 1] = u, v
        less = slant > 0.0 and alpha < NEAR_TWO
        if k > decayed:
            nodes[k, 2], nodes[k, 3], nodes[k, 4] = -1.0 if less else 0.0, 0.0, 0.0
            continue
        power = math.exp(alpha * s)
        cosine, sine = math.cos(alpha * slant), math.sin(alpha * slant)
        # w = (u^{−ε} − 1)/ε, at ε = 0 its limit −log u.
        real, imaginary = -s, slant
        if epsilon != 0.0:
            half = math.sin(0.5 * epsilon * slant)
            growth = math.expm1(-epsilon * s)
            real = (growth * math.cos(epsilon * slant) - 2.0 * half * half) / epsilon
            imaginary = (growth + 1.0) * math.sin(epsilon * slant) / epsilon
        exponent = -power * cosine - beta * t_epsilon * (u * imaginary + v * real)
        phase = power * sine + beta * t_epsilon * (u * real - v * imaginary)
        if shift != 0.0:
            exponent = -power * (cosine - shift * sine)
            phase = power * (sine + shift * cosine)
        nodes[k, 4] = exponent
        base, turn = 0.0, 0.0
        if alpha >= NEAR_TWO:
            # log φ₀ + u² from u² (1 − u^{α−2}), where nothing cancels.
            real, imaginary = v * v - u * u, -2.0 * u * v
            nodes[k, 4] = max(exponent, real)
            base, turn = real, imaginary
            half = math.sin(0.5 * (2.0 - alpha) * slant)
            growth = math.expm1((alpha - 2.0) * s)
            side = (growth + 1.0) * math.sin((2.0 - alpha) * slant)
            growth = growth * math.cos((2.0 - alpha) * slant) - 2.0 * half * half
            # −u^α + u² = −u² (u^{α−2} − 1), and u² = −(real + i imaginary).
            exponent += power * cosine + (real * growth - imaginary * side)
            phase += -power * sine + (real * side + imaginary * growth)
        exponent = min(exponent, 600.0)
        if less or alpha >= NEAR_TWO:
            half = math.sin(0.5 * phase)
            real = math.expm1(exponent) * math.cos(phase) - 2.0 * half * half
        else:
            real = math.exp(exponent) * math.cos(phase)
        imaginary = math.exp(exponent) * math.sin(phase)
        length = math.exp(base)
        nodes[k, 2] = length * (real * math.cos(turn) - imaginary * math.sin(turn))
        nodes[k, 3] = length * (real * math.sin(turn) + imaginary * math.cos(turn))


@compiled
def along(x, low, step, slant, bend, decayed, near_two, nodes):
    """(P(Z₀ > x), whether it is right to `CONTOUR`) along one ray; x is y where φ is φ₁."""
    first = max(int((-bend - math.log(max(x, 1.0)) - low) / step), 0)
    first += first % 2
    last = int(decayed)
    fine, coarse, mass = 0.0, 0.0, 0.0
    for k in range(first, nodes.shape[0]):
        fall = x * nodes[k, 1]
        if k > last and (slant < 0.0 or near_two or fall < -NEGLIGIBLE):
            break
        angle = x * nodes[k, 0]
        term = math.exp(fall) * (math.cos(angle) * nodes[k, 3] - math.sin(angle) * nodes[k, 2])
        fine += term
        mass += abs(term)
        if k % 2 == 0:
            coarse += term
    scale = step / math.pi
    # Halving the step squares the relative error; its power 3/2 is the cautious estimate. Where φ₀ leaves the
    # ray it must be negligible as well.
    wrong = abs(fine - 2.0 * coarse)
    wrong = (wrong * math.sqrt(wrong / mass) + EPSILON * mass) * scale
    wrong += math.exp(min(nodes[last, 4] + x * nodes[last, 1], 600.0))
    value = fine * scale
    if near_two:
        gauss = 0.5 * math.erfc(0.5 * x)
        value += gauss
        wrong += EPSILON * gauss
    elif slant < 0.0:
        value += 0.5 - slant / math.pi
        wrong += EPSILON
    return value, wrong <= max(CONTOUR * value, min(THIN, COARSEST * value))


@compiled
def quick_tails(points, sides, factors, rays, nodes, out):
    """P(Z₀ > x) where series or contour tell it, NaN elsewhere; the points lie in x > 0.

    sides = [βt, Re z/|z|, Im z/|z|, log|z|, α, βt of the rays' φ₁ or 0], α = 1 for no series; each row of
    rays = [low, step, slant, bend, decayed].
    """
    for i in range(points.size):
        out[i] = math.nan
        found = False
        if sides[4] != 1.0:
            value, found = series(points[i], sides[0], sides[1], sides[2], sides[3], sides[4], factors)
            if found:
                out[i] = value
        y, near_two = points[i] + sides[5], sides[4] >= NEAR_TWO
        for k in range(rays.shape[0]):
            low, step, slant = rays[k, 0], rays[k, 1], rays[k, 2]
            # φ₁ grows on the side of the real axis where e^{−iuy} does.
            if not found and (sides[5] == 0.0 or slant * y > 0.0):
                value, found = along(y, low, step, slant, rays[k, 3], rays[k, 4], near_two, nodes[k])
                if found:
                    out[i] = value


def side_constants(alpha: float, beta: float) -> tuple[Array, Array]:
    """The first two arguments of `quick_tails` that belong to a law."""
    if alpha == 1.0:
        return np.array([0.0, 0.0, 0.0, 0.0, 1.0, 0.0]), np.zeros(TERMS)
    epsilon = 1.0 - alpha
    t = 1.0 / math.tan(0.5 * math.pi * epsilon)
    # Im z = (1 + β) sin(πα/2) and Re z = cos(πα/2) − βt sin(πα/2), which do not cancel.
    sine = math.sin(0.5 * math.pi * min(alpha, 2.0 - alpha))
    real = math.cos(0.5 * math.pi * alpha) - beta * t * sine
    imaginary = (1.0 + beta) * sine
    size = math.hypot(real, imaginary)
    factors = [0.0] + [math.lgamma(alpha * k) - math.lgamma(k + 1.0) for k in range(1, TERMS)]
    shift = beta * t if alpha < BELOW_ONE else 0.0
    sides = [beta * t, real / size, imaginary / size, math.log(size), alpha, shift]
    return np.array(sides), np.array(factors)


# Rays, and the spacing of nodes on the first of them; flatter ones have theirs closer together.
SLANTS, SPACING = (0.25 * math.pi, 0.1 * math.pi, -0.125 * math.pi), 0.06
# The series serves beyond, but for α near 1.
FARTHEST, NEAR_ONE = 1e17, 0.1


def make_rays(alpha: float, beta: float, t_epsilon: float, shift: float) -> tuple[Array, Array]:
    """The last two arguments of `quick_tails`."""
    bend = 40.0 / min(alpha, 1.0)
    low = -bend - math.log(FARTHEST if abs(alpha - 1.0) < NEAR_ONE else 1e3)
    # Points as near to 0 as 1e-8 have a contour, which ends where x r = 45.
    high = math.log(NEGLIGIBLE * 1e8)
    count = int((high - low) / (SPACING * 0.4)) + 2
    nodes, rays = np.zeros((len(SLANTS), count, 5)), np.zeros((len(SLANTS), 5))
    for k, slant in enumerate(SLANTS):
        step = SPACING * abs(slant) / SLANTS[0]
        decayed = int((math.log(NEGLIGIBLE) / alpha - low) / step)
        rays[k] = low, step, slant, bend, decayed
        fill_ray(low, step, slant, decayed, alpha, beta, t_epsilon, shift, nodes[k])
    return rays, nodes
