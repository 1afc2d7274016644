# mypy: disable-error-code="misc,call-arg,no-any-return,no-untyped-def,no-untyped-call,untyped-decorator"
"""Compiled draws of a law outside a simulation, each a function of (seed, number of the draw) alone.

They have a purpose of their own in the counter (see `sdesim.compiled.philox`), so that a simulation with the
same seed shares nothing with them. By a table, and for the Gaussian, draws 2k and 2k + 1 come from one call
of the generator; Chambers, Mallows and Stuck need a call for each.
"""

from __future__ import annotations

import numpy as np

from sdesim.compiled.jit import compiled, compiled_entry
from sdesim.compiled.philox import DRAWS, MASK, box_muller, uniforms
from sdesim.stable.sampling.cms import skewed, symmetric
from sdesim.stable.sampling.quantile import quantile

CHUNK = 512


@compiled
def call(seed, number, word):
    """The two uniforms of a call of the generator for draws."""
    n = np.uint64(number)
    return uniforms(seed, np.uint64(0), n & MASK, n >> np.uint64(32), np.uint64(0), DRAWS | np.uint64(word))


@compiled_entry
def draw_inverted(seed, table, bits, scale, shift, out):
    """scale · x(u) + shift of draws 0, 1, … into out."""
    first, second = np.empty(CHUNK), np.empty(CHUNK)
    cells, start = np.uint64(bits), np.uint64(0)
    pairs = (out.size + 1) // 2
    for begin in range(0, pairs, CHUNK):
        count = min(CHUNK, pairs - begin)
        for j in range(count):
            first[j], second[j] = call(seed, begin + j, 0)
        whole = min(count, out.size // 2 - begin)
        for j in range(whole):
            k = 2 * (begin + j)
            out[k] = scale * quantile(first[j], table, start, cells) + shift
            out[k + 1] = scale * quantile(second[j], table, start, cells) + shift
        if whole < count:
            out[out.size - 1] = scale * quantile(first[whole], table, start, cells) + shift


@compiled_entry
def scaled(scale, shift, out):
    """scale · out + shift in place, each one number or one for each, to the last bit of `draw_inverted`."""
    for j in range(out.size):
        out[j] = scale[j if scale.size > 1 else 0] * out[j] + shift[j if shift.size > 1 else 0]


@compiled_entry
def draw_inverted_at(seed, numbers, table, bits, out):
    """x(u) of the draws with these numbers."""
    for j in range(numbers.size):
        u, v = call(seed, numbers[j] >> 1, 0)
        out[j] = quantile(u if numbers[j] % 2 == 0 else v, table, np.uint64(0), np.uint64(bits))


@compiled_entry
def draw_cms_at(seed, numbers, alpha, beta, t_epsilon, kappa, out):
    """Z₀ by Chambers, Mallows and Stuck of the draws with these numbers."""
    first, second = np.empty(CHUNK), np.empty(CHUNK)
    for begin in range(0, out.size, CHUNK):
        count = min(CHUNK, out.size - begin)
        for j in range(count):
            first[j], second[j] = call(seed, numbers[begin + j], 1)
        # Two loops rather than a branch inside one: the branch would keep it from being vectorised.
        if beta == 0.0:
            for j in range(count):
                out[begin + j] = symmetric(first[j], second[j], alpha)
        else:
            for j in range(count):
                out[begin + j] = skewed(first[j], second[j], alpha, beta, t_epsilon, kappa)


@compiled_entry
def draw_normal_at(seed, numbers, out):
    """Standard normals of the draws with these numbers."""
    for j in range(numbers.size):
        u, v = call(seed, numbers[j] >> 1, 0)
        even, odd = box_muller(u, v)
        out[j] = even if numbers[j] % 2 == 0 else odd
