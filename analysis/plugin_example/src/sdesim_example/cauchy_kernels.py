"""Compiled fill function of `Cauchy`; its signature is that of `NoiseKernel`."""

from __future__ import annotations

import numpy as np

from sdesim.compiled.elementary import sincos_turns
from sdesim.compiled.jit import compiled
from sdesim.compiled.philox import uniforms


@compiled
def fill(seed, stream, first, pair, params, data, out0, out1, scratch0, scratch1):
    """out += params[0] tan(π(u − ½)) = −params[0] cos πu / sin πu, for the two steps of a pair.

    Every draw is a function of (seed, stream, trajectory, pair, coordinate) alone, so that no split of the
    work can change it.
    """
    number, block = np.uint64(stream), np.uint64(pair)
    for i in range(out0.shape[0]):
        for w in range(out0.shape[1]):
            trajectory = np.uint64(first + w)
            u, v = uniforms(seed, number, trajectory, block, np.uint64(i), np.uint64(0))
            sine, cosine = sincos_turns(0.5 * u)
            out0[i, w] -= params[0] * (cosine / sine)
            sine, cosine = sincos_turns(0.5 * v)
            out1[i, w] -= params[0] * (cosine / sine)
