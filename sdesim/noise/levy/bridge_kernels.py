# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Compiled halving of stable increments, by rejection.

Given the sum s of two independent numbers of density f, one of them has the density f(x) f(s − x)/f₂(s), f₂
that of the sum. Proposed is a draw of f, for either half with equal chances, so that x has the density
½ (f(x) + f(s − x)); taken is it with the probability

    f(x) f(s − x) / [(f(x) + f(s − x)) f(s/2)] ≤ min(f(x), f(s − x))/f(s/2) ≤ 1,

the latter since stable laws have one mode (M. Yamazato, Ann. Probab. 6, 1978): of x and s − x one lies on
the far side of s/2. A proposal is taken with the chance f₂(s)/(2 f(s/2)), so that the mean number of
proposals is ∫ 2 f(s/2) ds = 4 whatever the law.
"""

from __future__ import annotations

import math

import numpy as np

from sdesim.compiled.jit import compiled, compiled_entry
from sdesim.compiled.philox import box_muller, sincos_turns, uniforms
from sdesim.noise.bridge_kernels import half_uniforms
from sdesim.stable.kernels.panel_kernels import log_density
from sdesim.stable.sampling.cms import LARGEST_EXPONENT, mixing_radius, standard
from sdesim.stable.sampling.quantile import quantile

# More proposals are needed once in some 10¹¹ halvings; both halves are then the same. Draws of the normals of
# isotropic halves come after those of the proposals.
MOST, NORMALS = 2**17, 2**18


@compiled
def density_at(x, scale, shift, bend, law):
    """log f of an S1 number x = scale Z₀ + shift, but for log(scale); Z₁ = Z₀ + bend."""
    s1, width, index, cells, starts, inverses, table, alpha, beta = law
    x0 = (x - shift) / scale
    return log_density(x0, x0 + bend, s1, width, index, cells, starts, inverses, table, alpha, beta)


@compiled
def accepted(u, here, there, middle):
    """Whether a proposal is taken: u < f(x) f(s − x)/[(f(x) + f(s − x)) f(s/2)], of logarithms."""
    return u * (math.exp(middle - here) + math.exp(middle - there)) < 1.0


@compiled_entry
def halve_stable(seed, stream, first, level, begin, constants, scale, shift, law, parents, out):
    """out[2p], out[2p + 1] = halves of parents[p], (n, rows, K); scale and shift (rows,) are those of a half.

    constants: (α, β, tε, κ), see `cms`.
    """
    alpha, beta, t_epsilon, kappa = constants[0], constants[1], constants[2], constants[3]
    bend = 0.0 if alpha == 1.0 else beta * math.tan(0.5 * math.pi * alpha)
    for p in range(parents.shape[0]):
        for i in range(parents.shape[1]):
            c = scale[i]
            for w in range(parents.shape[2]):
                whole = parents[p, i, w]
                half = 0.5 * whole
                if c > 0.0 and abs(whole) < math.inf:
                    middle = density_at(half, c, shift[i], bend, law)
                    for attempt in range(MOST):
                        u, v = half_uniforms(seed, stream, first + w, level, begin + p, i, 2 * attempt)
                        x = c * standard(u, v, alpha, beta, t_epsilon, kappa) + shift[i]
                        u, v = half_uniforms(seed, stream, first + w, level, begin + p, i, 2 * attempt + 1)
                        here = density_at(x, c, shift[i], bend, law)
                        there = density_at(whole - x, c, shift[i], bend, law)
                        if accepted(u, here, there, middle):
                            half = x if v < 0.5 else whole - x
                            break
                out[2 * p, i, w] = half
                out[2 * p + 1, i, w] = whole - half


@compiled
def halve_one_stable(seed, stream, trajectory, level, node, args, parents, out):
    """`halve_stable` of one increment; args: (constants, scales (L, rows), shifts (L, rows), law)."""
    constants, scales, shifts, law = args
    scale, shift = scales[level - 1], shifts[level - 1]
    halve_stable(seed, stream, trajectory, level, node, constants, scale, shift, law, parents, out)


@compiled_entry
def mixing_times(seed, stream, first, begin, alpha, table, bits, out):
    """A (n, K) of isotropic increments √(2A) G of the steps from ``begin`` on, as their fills draw it."""
    for n in range(out.shape[0]):
        step = begin + n
        pair, part = step // 2, step % 2
        for w in range(out.shape[1]):
            if bits > 0:
                u, v = uniforms(
                    seed, np.uint64(stream), np.uint64(first + w), np.uint64(pair), np.uint64(0), np.uint64(1)
                )
                radius = quantile(u if part == 0 else v, table, np.uint64(0), np.uint64(bits))
            else:
                radius = mixing_radius(
                    seed, np.uint64(stream), np.uint64(first + w), np.uint64(pair), np.uint64(1 + part), alpha
                )
            out[n, w] = 0.5 * radius * radius


@compiled
def positive(u, v, a):
    """A positive a-stable number with E e^{−sA} = exp(−s^a), by Kanter's formula, see `mixing_radius`."""
    turns = 0.5 * v
    sine, _ = sincos_turns(turns)
    sine_a, _ = sincos_turns(turns * a)
    sine_rest, _ = sincos_turns(turns * (1.0 - a))
    exponent = (1.0 - a) / a * math.log(sine_rest / (-math.log(u) * sine))
    return sine_a / sine * math.exp(min(max(exponent, -LARGEST_EXPONENT), LARGEST_EXPONENT))


@compiled_entry
def halve_isotropic(
    seed, stream, first, level, begin, alpha, share, width, bend, law, scale, known, parents, times, out
):
    """Halves of isotropic increments, and of their A in ``known`` (n, K) into ``times`` (2 n, K).

    share: of A over a half, relative to that over a unit; width: its S1 scale; bend: tan(πα/4).
    """
    index = 0.5 * alpha
    for p in range(parents.shape[0]):
        for w in range(parents.shape[2]):
            whole = known[p, w]
            one = 0.5 * whole
            other = whole - one
            if 0.0 < whole < math.inf:
                middle = density_at(one, width, width * bend, bend, law)
                for attempt in range(MOST):
                    u, v = half_uniforms(seed, stream, first + w, level, begin + p, 0, 2 * attempt)
                    x = share * positive(u, v, index)
                    u, v = half_uniforms(seed, stream, first + w, level, begin + p, 0, 2 * attempt + 1)
                    if x < whole:
                        here = density_at(x, width, width * bend, bend, law)
                        there = density_at(whole - x, width, width * bend, bend, law)
                        if accepted(u, here, there, middle):
                            one, other = (x, whole - x) if v < 0.5 else (whole - x, x)
                            break
            times[2 * p, w] = one
            times[2 * p + 1, w] = other
            part = one / whole if 0.0 < whole < math.inf else 0.5
            spread = math.sqrt(2.0 * part * other) if other < math.inf else 0.0
            for i in range(parents.shape[1]):
                u, v = half_uniforms(seed, stream, first + w, level, begin + p, i, NORMALS)
                z, _ = box_muller(u, v)
                half = part * parents[p, i, w] + spread * scale[i] * z
                out[2 * p, i, w] = half
                out[2 * p + 1, i, w] = parents[p, i, w] - half
