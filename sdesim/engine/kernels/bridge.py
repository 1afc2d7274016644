# mypy: disable-error-code="misc,call-arg,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Brownian bridges between two steps, as far as they are the same for walls of all kinds.

Compiled once, and not again for each combination of regions that is watched (`watch`, which has the formulas
and the layout of the arrays).
"""

from __future__ import annotations

import numpy as np

from sdesim.compiled.elementary import from_bits
from sdesim.compiled.jit import compiled, compiled_between
from sdesim.compiled.philox import MASK, box_muller, philox, uniforms
from sdesim.compiled.streams import EXITS

# Columns of the events' numbers; the first word of the uniforms.
KIND, PARAMS, PARAMS_END, WALLS, SHIFT, INVERSE, METHOD, STOP, VARIANCE, RATE = range(10)
WORDS = EXITS


@compiled
def fraction(word):
    """Uniform on (0, 1) of 32 bits, symmetric about ½."""
    return from_bits((word << np.uint64(20)) | np.uint64(0x3FF0000000000000)) - (1.0 - 2.0**-33)


@compiled_between
def draw_fractions(luck, tags, seed, first, e, step, word):
    """The uniforms of four steps under a word of the counter, once; step numbers the step's start."""
    group = step // 4
    if tags[e, 0] == group:
        return
    block, nothing = np.uint64(group), np.uint64(0)
    low, high = seed & MASK, seed >> np.uint64(32)
    for w in range(luck.shape[2]):
        a, b, c, d = philox(np.uint64(first + w) & MASK, nothing, block & MASK, word, low, high)
        luck[e, 0, w] = fraction(a)
        luck[e, 1, w] = fraction(b)
        luck[e, 2, w] = fraction(c)
        luck[e, 3, w] = fraction(d)
    tags[e, 0] = group


@compiled_between
def draw_luck(luck, tags, seed, first, e, step):
    """The uniforms of an event at four steps."""
    draw_fractions(luck, tags, seed, first, e, step, np.uint64(WORDS + 8 * e))


@compiled_between
def scale_products(before, own, values, marks, scratch):
    """Products of distances in units of the greatest variance of a lane in any direction."""
    for w in range(marks.shape[0]):
        scratch[w] = 1e-300
    for k in range(before.shape[0]):
        variance, rate = values[own[VARIANCE] + k], values[own[RATE] + k]
        for w in range(marks.shape[0]):
            most = variance + rate * (before[k, w] * before[k, w])
            scratch[w] = most if most > scratch[w] else scratch[w]
    for w in range(marks.shape[0]):
        marks[w] = marks[w] / scratch[w]


@compiled_between
def hitting_share(c, away, seed, number, step, e, wall):
    """τ of a bridge from c to ∓away, in units of s: by Michael, Schucany and Haas' draw of X = τ/(1 − τ)."""
    word = WORDS + 8 * e + step % 2
    place, pair, which = np.uint64(number), np.uint64(step // 2), np.uint64(wall)
    u, v = uniforms(seed, np.uint64(0), place, pair, which, np.uint64(word + 1))
    z, _ = box_muller(u, v)
    branch, _ = uniforms(seed, np.uint64(0), place, pair, which, np.uint64(word + 3))
    square = z * z
    if c <= 0.0:
        return 0.0
    if c * away < 1e-12 * square:
        # The limit of an end on the wall: Lévy's law.
        share = c * c / square
        return share / (1.0 + share)
    ratio = square / (2.0 * c * away)
    # X/mean, and mean/X on the other branch.
    small = 1.0 / (1.0 + ratio + np.sqrt(ratio * (2.0 + ratio)))
    part = small if branch <= 1.0 / (1.0 + small) else 1.0 / small
    return c * part / (c * part + away)


@compiled_between
def spread(n, x, lane, own, values, root, out):
    """out = C n and nᵀ C n, C the covariance of one step at x: diag(v + r x²), or R Rᵀ + diag(r x²)."""
    d = n.shape[0]
    for k in range(d):
        size = values[own[RATE] + k] * (x[k, lane] * x[k, lane])
        size += 0.0 if root.shape[0] > 0 else values[own[VARIANCE] + k]
        out[k] = size * n[k]
    for j in range(root.shape[1]):
        product = 0.0
        for k in range(d):
            product += root[k, j] * n[k]
        for k in range(d):
            out[k] += root[k, j] * product
    total = 0.0
    for k in range(d):
        total += out[k] * n[k]
    return total
