# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""What compiled fill functions share: each ADDS the increments of two steps to blocks; see `NoiseKernel`.

All have the one signature ``(seed, stream, first, pair, params, data, out0, out1, scratch0, scratch1)``.
A block of one trajectory (W = 1) is walked along its coordinates, a wider one along its trajectories, so
that the inner loop is long and contiguous and LLVM vectorises it either way.
"""

from __future__ import annotations

import numpy as np

from sdesim.compiled.jit import compiled
from sdesim.compiled.philox import box_muller, uniforms


@compiled
def fill_uniforms(seed, stream, first, pair, word, rows, scratch0, scratch1):
    """The two uniforms of each place into the first rows of the scratch blocks.

    Apart from what is made of them: in one loop generator and transformation are a single chain of some two
    hundred instructions for each vector, too long for a processor to overlap with the next one.
    """
    width = scratch0.shape[1]
    number, block, call = np.uint64(stream), np.uint64(pair), np.uint64(word)
    if width == 1:
        for i in range(rows):
            u, v = uniforms(seed, number, np.uint64(first), block, np.uint64(i), call)
            scratch0[i, 0] = u
            scratch1[i, 0] = v
    else:
        for i in range(rows):
            for w in range(width):
                u, v = uniforms(seed, number, np.uint64(first + w), block, np.uint64(i), call)
                scratch0[i, w] = u
                scratch1[i, w] = v


@compiled
def fill_normals(seed, stream, first, pair, rows, scratch0, scratch1):
    """Standard normals into the first rows of the scratch blocks."""
    fill_uniforms(seed, stream, first, pair, 0, rows, scratch0, scratch1)
    flat0 = scratch0.reshape(scratch0.size)
    flat1 = scratch1.reshape(scratch1.size)
    for j in range(rows * scratch0.shape[1]):
        z0, z1 = box_muller(flat0[j], flat1[j])
        flat0[j] = z0
        flat1[j] = z1
