# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Compiled draws of the two halves of an increment that is known, from their law given their sum.

All have the one signature ``(low, high, trajectory, level, position, params, data, whole, left, right)``: of
the increment whole (d,) over node ``position`` of ``level``, which lasts dt/2^level, to those over its two
halves. Bits depend on (seed, stream, trajectory, step, level, position, coordinate) alone: of seed, stream
and step one key (low, high) is made, see `halving_key`; the counter holds the rest, with the purpose 2.
"""

from __future__ import annotations

import math

import numpy as np

from sdesim.compiled.jit import compiled
from sdesim.compiled.philox import MASK, box_muller, philox, uniform
from sdesim.stable.kernels.evaluation import logarithms
from sdesim.stable.sampling.cms import standard

# The purpose of these draws, in its place in ``word``.
HALVES = np.uint64(2 << 24)
# A proposal is taken in one of four cases on average.
MOST_ATTEMPTS = 100_000


@compiled
def halving_key(seed, stream, step):
    """Two words of 32 bits for one step of one noise."""
    number = np.uint64(step)
    low, high, _, _ = philox(
        number & MASK,
        np.uint64(stream) << np.uint64(24),
        number >> np.uint64(32),
        HALVES | np.uint64(0xFFFFFF),
        seed & MASK,
        seed >> np.uint64(32),
    )
    return low, high


@compiled
def halving_uniforms(low, high, trajectory, level, position, coordinate, word):
    """The two uniforms of one node and coordinate, numbered by word < 2²⁴ − 1."""
    a, b, c, d = philox(
        np.uint64(position) & MASK,
        np.uint64(coordinate) | (np.uint64(level) << np.uint64(24)),
        np.uint64(trajectory) & MASK,
        HALVES | np.uint64(word),
        np.uint64(low),
        np.uint64(high),
    )
    return uniform(a, b), uniform(c, d)


@compiled
def halve_diagonal(low, high, trajectory, level, position, params, data, whole, left, right):
    """Independent normal increments: ½ ΔW ± ½ s z with s = params 2^{−level/2} that of the whole."""
    share = 0.5 * 2.0 ** (-0.5 * level)
    for i in range(whole.shape[0]):
        u, v = halving_uniforms(low, high, trajectory, level, position, i, 0)
        z, _ = box_muller(u, v)
        bridge = (share * params[i]) * z
        left[i] = 0.5 * whole[i] + bridge
        right[i] = 0.5 * whole[i] - bridge


@compiled
def halve_factor(low, high, trajectory, level, position, params, data, whole, left, right):
    """The same with dependent coordinates, data (k, d) = √(2 dt) Fᵀ."""
    share = 0.5 * 2.0 ** (-0.5 * level)
    for i in range(whole.shape[0]):
        left[i] = 0.0
    for k in range(data.shape[0]):
        u, v = halving_uniforms(low, high, trajectory, level, position, k, 0)
        z, _ = box_muller(u, v)
        for i in range(whole.shape[0]):
            left[i] += data[k, i] * z
    for i in range(whole.shape[0]):
        bridge = share * left[i]
        left[i] = 0.5 * whole[i] + bridge
        right[i] = 0.5 * whole[i] - bridge


# Layout of params of stable increments; the scales (d,) over dt follow.
ALPHA, BETA, T_EPSILON, KAPPA, SHIFT, HEADER = 0, 1, 2, 3, 4, 5


@compiled
def halve_stable(low, high, trajectory, level, position, params, data, whole, left, right):
    """Independent stable increments, by rejection: the density of a half given the sum s is ∝ f(a) f(s − a).

    A proposal is a draw of f for one half, which of them by chance: its density is ½ (f(a) + f(s − a)), and
    it is taken with probability g/f(s/2), g = f(a) f(s − a)/(f(a) + f(s − a)). One of a and s − a lies on
    the far side of s/2 from the mode, so that g ≤ min(f(a), f(s − a)) ≤ f(s/2) for every unimodal f, as
    stable densities are (M. Yamazato, Ann. Probab. 6 (1978) 523). Four proposals are made on average.
    """
    alpha, beta, shift = params[ALPHA], params[BETA], params[SHIFT]
    for i in range(whole.shape[0]):
        scale = params[HEADER + i] * 2.0 ** (-(level + 1.0) / alpha)
        if scale == 0.0:
            left[i] = 0.5 * whole[i]
            right[i] = 0.5 * whole[i]
            continue
        # At α = 1 with skew the law of a half is moved by that much of its scale.
        drift = (2.0 / math.pi) * beta * math.log(scale) if alpha == 1.0 and beta != 0.0 else 0.0
        total = whole[i] / scale - 2.0 * drift
        middle, _, _ = logarithms(0.5 * total - shift, 0.5 * total, alpha, beta)
        one, other = 0.5 * total, 0.5 * total
        for attempt in range(MOST_ATTEMPTS):
            u, v = halving_uniforms(low, high, trajectory, level, position, i, 2 * attempt)
            drawn = standard(u, v, alpha, beta, params[T_EPSILON], params[KAPPA])
            accept, side = halving_uniforms(low, high, trajectory, level, position, i, 2 * attempt + 1)
            rest = total - (drawn + shift)
            first, _, _ = logarithms(drawn, drawn + shift, alpha, beta)
            second, _, _ = logarithms(rest - shift, rest, alpha, beta)
            # log of g/f(s/2) = 1/(f(s/2)/f(a) + f(s/2)/f(s − a)).
            if accept * (math.exp(middle - first) + math.exp(middle - second)) <= 1.0:
                one, other = (drawn + shift, rest) if side < 0.5 else (rest, drawn + shift)
                break
        left[i] = scale * (one + drift)
        right[i] = scale * (other + drift)
