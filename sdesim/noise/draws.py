"""Running a compiled fill function from Python, for draws outside the engine."""

from __future__ import annotations

from importlib import import_module

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import SdesimError
from sdesim.kinds.numbers import whole
from sdesim.kinds.spelling import short
from sdesim.noise.kernel import Array, Drawn, NoiseKernel

_BLOCK = 2048


def increments(
    kernel: NoiseKernel,
    dim: int,
    trajectories: int,
    steps: int = 1,
    *,
    seed: int,
    stream: int = 0,
    first: int = 0,
) -> Array:
    """Increments (steps, trajectories, dim) of a noise kernel, the same numbers that the engine uses.

    Args:
        kernel: from a noise's ``kernel(dim, dt, learning_rate)``.
        dim: d, or the number of examples n where the kernel has example weights.
        trajectories: how many trajectories.
        steps: how many steps, from step 0.
        seed: 64-bit seed.
        stream: the stream number of the noise.
        first: number of the first trajectory.
    """
    if not all(hasattr(kernel, name) for name in ("module", "function", "params")):
        raise SdesimError(f"kernel must be what a noise's kernel() gives, got {short(kernel)}")
    dim, trajectories = whole(dim, "dim"), whole(trajectories, "trajectories")
    steps, seed = whole(steps, "steps"), whole(seed, "seed", least=0)
    stream, first = whole(stream, "stream", least=0), whole(first, "first", least=0)
    fill = getattr(import_module(kernel.module), kernel.function)
    out = np.empty((steps + steps % 2, trajectories, dim))
    params, data = kernel.params, kernel.data
    if kernel.ahead is not None:
        drawn = Drawn(seed % 2**64, stream, first, trajectories, dim, len(out))
        params, data = kernel.ahead.arrays(drawn, 0, len(out), kernel.ahead.start(drawn))
    key = np.uint64(seed % 2**64)
    # Blocks of the engine's size where rows are short; the bits are the same for any width.
    lanes = min(trajectories, max(1, _BLOCK // dim))
    shape = (dim, lanes)
    out0, out1, scratch0, scratch1 = np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape)
    for start in range(0, trajectories, lanes):
        width = min(lanes, trajectories - start)
        if width < lanes:
            out0, out1, scratch0, scratch1 = (np.empty((dim, width)) for _ in range(4))
        for pair in range(out.shape[0] // 2):
            out0[...] = 0.0
            out1[...] = 0.0
            fill(key, stream, first + start, pair, params, data, out0, out1, scratch0, scratch1)
            out[2 * pair, start : start + width] = out0.T
            out[2 * pair + 1, start : start + width] = out1.T
    return out[:steps]


def philox4x32(counter: ArrayLike, key: ArrayLike) -> NDArray[np.uint32]:
    """Philox4x32-10 of a counter (4 words) and a key (2 words): four 32-bit words."""
    from sdesim.compiled.philox import philox_words

    words = philox_words(np.asarray(counter, dtype=np.uint64), np.asarray(key, dtype=np.uint64))
    return np.asarray(words, dtype=np.uint32)
