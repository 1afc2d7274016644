"""Running a compiled fill function from Python, for draws outside the engine."""

from __future__ import annotations

from importlib import import_module

import numpy as np

from sdesim.noise.base import Array, NoiseKernel

LANES = 64


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
    fill = getattr(import_module(kernel.module), kernel.function)
    out = np.zeros((steps + steps % 2, trajectories, dim))
    key = np.uint64(seed % 2**64)
    # Wide rows are walked along the coordinates; the bits are the same either way.
    lanes = LANES if dim < LANES else 1
    for start in range(0, trajectories, lanes):
        width = min(lanes, trajectories - start)
        scratch0, scratch1 = np.empty((dim, width)), np.empty((dim, width))
        for pair in range(out.shape[0] // 2):
            out0, out1 = np.zeros((dim, width)), np.zeros((dim, width))
            fill(key, stream, first + start, pair, kernel.params, kernel.data, out0, out1, scratch0, scratch1)
            out[2 * pair, start : start + width] = out0.T
            out[2 * pair + 1, start : start + width] = out1.T
    return out[:steps]
