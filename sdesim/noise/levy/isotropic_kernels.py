# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Compiled fills of isotropic α-stable noise whose mixing radius √(2A) is drawn by its quantile table.

params and data are those of `inversion_kernels`, with one table, of the radius, and no shift. The two radii
of a pair of steps come from one call of the generator, at coordinate 0.
"""

from __future__ import annotations

import math

import numpy as np

from sdesim.compiled.jit import compiled
from sdesim.compiled.philox import normals, uniforms
from sdesim.noise.fill_kernels import fill_normals, fill_uniforms
from sdesim.noise.levy.inversion_kernels import BITS, HEADER, LIMIT, REJECT
from sdesim.noise.levy.stable_kernels import MOST_ATTEMPTS, NORMALS, redraw_normals
from sdesim.stable.sampling.quantile import quantile

# Word of the first radii of a pair; that of attempt k is k more.
RADII = 1


@compiled
def inversion_isotropic(seed, stream, first, pair, params, data, out0, out1, scratch0, scratch1):
    """√(2A) G: one mixing radius for each trajectory and step, normals as everywhere."""
    rows, width = out0.shape
    table = data.reshape(data.size)
    bits, start = np.uint64(params[BITS]), np.uint64(0)
    fill_uniforms(seed, stream, first, pair, RADII, 1, scratch0, scratch1)
    for w in range(width):
        scratch0[0, w] = quantile(scratch0[0, w], table, start, bits)
        scratch1[0, w] = quantile(scratch1[0, w], table, start, bits)
    if width == 1:
        radius0, radius1 = scratch0[0, 0], scratch1[0, 0]
        for i in range(rows):
            z0, z1 = normals(seed, np.uint64(stream), np.uint64(first), np.uint64(pair), np.uint64(i))
            out0[i, 0] += (params[HEADER + i] * radius0) * z0
            out1[i, 0] += (params[HEADER + i] * radius1) * z1
    else:
        for i in range(rows):
            scale = params[HEADER + i]
            for w in range(width):
                z0, z1 = normals(seed, np.uint64(stream), np.uint64(first + w), np.uint64(pair), np.uint64(i))
                out0[i, w] += (scale * scratch0[0, w]) * z0
                out1[i, w] += (scale * scratch1[0, w]) * z1


@compiled
def add_limited(seed, stream, first, pair, step, params, data, scratch, out):
    """Increments of one step with a Euclidean norm of at most the truncation."""
    rows, width = out.shape
    table = data.reshape(data.size)
    bits, limit = np.uint64(params[BITS]), params[LIMIT]
    for w in range(width):
        factor = 0.0
        for attempt in range(MOST_ATTEMPTS):
            if attempt > 0:
                redraw_normals(seed, stream, first + w, pair, NORMALS + step + 2 * attempt, w, scratch)
            square = 0.0
            for i in range(rows):
                value = params[HEADER + i] * scratch[i, w]
                square += value * value
            length = math.sqrt(square)
            u, v = uniforms(
                seed,
                np.uint64(stream),
                np.uint64(first + w),
                np.uint64(pair),
                np.uint64(0),
                np.uint64(RADII + attempt),
            )
            radius = quantile(u if step == 0 else v, table, np.uint64(0), bits)
            factor = radius if radius * length <= limit else limit / length
            if radius * length <= limit or params[REJECT] == 0.0:
                break
        for i in range(rows):
            out[i, w] += (params[HEADER + i] * scratch[i, w]) * factor


@compiled
def inversion_isotropic_limited(seed, stream, first, pair, params, data, out0, out1, scratch0, scratch1):
    """As `inversion_isotropic`, with the norm of each step's increment limited."""
    fill_normals(seed, stream, first, pair, out0.shape[0], scratch0, scratch1)
    add_limited(seed, stream, first, pair, 0, params, data, scratch0, out0)
    add_limited(seed, stream, first, pair, 1, params, data, scratch1, out1)
