# mypy: disable-error-code="misc,call-arg,var-annotated,no-any-return,no-untyped-def,no-untyped-call"
# mypy: disable-error-code="untyped-decorator"
"""Compiled fill functions that draw by quantile tables; the signature is that of `fill_kernels`.

params = [bits, truncation, 1 to reject or 0 to clip], then scale (d,), shift (d,) and first row (d,) of each
coordinate's table in data; data (rows, 8) holds the tables one below the other.
"""

from __future__ import annotations

import numpy as np

from sdesim.compiled.jit import compiled
from sdesim.compiled.philox import uniforms
from sdesim.noise.fill_kernels import fill_uniforms
from sdesim.noise.levy.stable_kernels import MOST_ATTEMPTS, add_clipped
from sdesim.stable.sampling.quantile import quantile

BITS, LIMIT, REJECT, HEADER = 0, 1, 2, 3


@compiled
def fill_quantiles(seed, stream, first, pair, word, params, data, scratch0, scratch1):
    """Standard draws of the steps 2·pair and 2·pair + 1 into the scratch blocks, from one generator call."""
    rows, width = scratch0.shape
    table = data.reshape(data.size)
    bits = np.uint64(params[BITS])
    fill_uniforms(seed, stream, first, pair, word, rows, scratch0, scratch1)
    # Not vectorised: LLVM can't rule out that the blocks overlap the table.
    for i in range(rows):
        start = np.uint64(params[HEADER + 2 * rows + i])
        for w in range(width):
            scratch0[i, w] = quantile(scratch0[i, w], table, start, bits)
            scratch1[i, w] = quantile(scratch1[i, w], table, start, bits)


@compiled
def redrawn(seed, stream, trajectory, pair, coordinate, step, params, data, rows):
    """The first draw of the rejection sequence that lies within the truncation (attempt 0 did not)."""
    table = data.reshape(data.size)
    limit = params[LIMIT]
    start = np.uint64(params[HEADER + 2 * rows + coordinate])
    for attempt in range(1, MOST_ATTEMPTS):
        u, v = uniforms(
            seed,
            np.uint64(stream),
            np.uint64(trajectory),
            np.uint64(pair),
            np.uint64(coordinate),
            np.uint64(attempt),
        )
        draw = quantile(u if step == 0 else v, table, start, np.uint64(params[BITS]))
        value = params[HEADER + coordinate] * draw + params[HEADER + rows + coordinate]
        if abs(value) <= limit:
            return value
    return min(max(value, -limit), limit)


@compiled
def add_rejected(seed, stream, first, pair, step, params, data, scratch, out):
    """Increments of one step, drawn again where they are beyond the truncation."""
    rows, width = out.shape
    for i in range(rows):
        for w in range(width):
            value = params[HEADER + i] * scratch[i, w] + params[HEADER + rows + i]
            if not abs(value) <= params[LIMIT]:
                value = redrawn(seed, stream, first + w, pair, i, step, params, data, rows)
            out[i, w] += value


@compiled
def inversion_independent(seed, stream, first, pair, params, data, out0, out1, scratch0, scratch1):
    """Independent coordinates: scale_i x(u) + shift_i, truncated."""
    fill_quantiles(seed, stream, first, pair, 0, params, data, scratch0, scratch1)
    if params[REJECT] == 0.0:
        add_clipped(params, HEADER, params[LIMIT], scratch0, out0)
        add_clipped(params, HEADER, params[LIMIT], scratch1, out1)
    else:
        add_rejected(seed, stream, first, pair, 0, params, data, scratch0, out0)
        add_rejected(seed, stream, first, pair, 1, params, data, scratch1, out1)
