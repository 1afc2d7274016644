# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Compiled halving of Gaussian increments, and the places of all halvings in the generator's counter."""

from __future__ import annotations

import numpy as np

from sdesim.compiled import streams
from sdesim.compiled.jit import compiled, compiled_entry
from sdesim.compiled.philox import box_muller, uniforms

# The purpose of halvings, in its place in the last word of the counter; the 5 bits after it are how often an
# increment was halved, the rest the draw; the step pair's word is the number of the halved increment.
HALVES, LEVEL = streams.HALVES, 19


@compiled
def half_uniforms(seed, stream, trajectory, level, node, coordinate, draw):
    """Two uniforms of one halving."""
    word = np.uint64(HALVES) + (np.uint64(level) << np.uint64(LEVEL)) + np.uint64(draw)
    return uniforms(
        seed, np.uint64(stream), np.uint64(trajectory), np.uint64(node), np.uint64(coordinate), word
    )


@compiled_entry
def halve_normals(seed, stream, first, level, begin, diagonal, root, parents, out):
    """out[2p], out[2p + 1] = halves of parents[p], (n, rows, K), given the root (k, rows) of its law.

    Of independent coordinates the root is (1, rows). One call of the generator serves two parents.
    """
    rows, count = parents.shape[1], parents.shape[2]
    z = np.empty(rows if diagonal else root.shape[0])
    for p in range(parents.shape[0]):
        node = begin + p
        for w in range(count):
            for j in range(z.shape[0]):
                u, v = half_uniforms(seed, stream, first + w, level, node // 2, j, 0)
                even, odd = box_muller(u, v)
                z[j] = even if node % 2 == 0 else odd
            for i in range(rows):
                other = 0.0
                if diagonal:
                    other = root[0, i] * z[i]
                else:
                    for j in range(z.shape[0]):
                        other += root[j, i] * z[j]
                half = 0.5 * (parents[p, i, w] + other)
                out[2 * p, i, w] = half
                out[2 * p + 1, i, w] = parents[p, i, w] - half


@compiled
def halve_one_normal(seed, stream, trajectory, level, node, args, parents, out):
    """`halve_normals` of one increment; args: (whether coordinates are independent, roots (L, k, rows))."""
    halve_normals(seed, stream, trajectory, level, node, args[0], args[1][level - 1], parents, out)
