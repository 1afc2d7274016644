# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Compiled fill functions of blocks of float32: four steps at a time.

All have the one signature ``(seed, stream, first, group, params, data, out, words)`` and ADD the increments
of the steps 4·group … 4·group + 3 to out (4, d, W); words (4, n) of uint32 is overwritten, n ≥ W.
"""

from __future__ import annotations

import numpy as np

from sdesim.compiled.jit import compiled
from sdesim.compiled.single_normals import normal_pair, words_of


@compiled
def fill_words(seed, stream, first, group, coordinate, count, along, words):
    """Words of ``count`` trajectories from ``first`` on, or, ``along``, of as many coordinates of one."""
    number, block = np.uint64(stream), np.uint64(group)
    if along:
        for w in range(count):
            a, b, c, d = words_of(seed, number, np.uint64(first), block, np.uint64(coordinate + w))
            words[0, w] = a
            words[1, w] = b
            words[2, w] = c
            words[3, w] = d
    else:
        for w in range(count):
            a, b, c, d = words_of(seed, number, np.uint64(first + w), block, np.uint64(coordinate))
            words[0, w] = a
            words[1, w] = b
            words[2, w] = c
            words[3, w] = d


@compiled
def add_scaled(params, coordinate, along, words, out0, out1, out2, out3, fresh):
    """out += params[i] z of the words, or = where ``fresh``, over one row of trajectories or coordinates."""
    scale = params[coordinate]
    for w in range(out0.shape[0]):
        if along:
            scale = params[coordinate + w]
        z0, z1 = normal_pair(words[0, w], words[1, w])
        z2, z3 = normal_pair(words[2, w], words[3, w])
        if fresh:
            out0[w] = scale * z0
            out1[w] = scale * z1
            out2[w] = scale * z2
            out3[w] = scale * z3
        else:
            out0[w] += scale * z0
            out1[w] += scale * z1
            out2[w] += scale * z2
            out3[w] += scale * z3


@compiled
def scaled_normals(seed, stream, first, group, params, out, words, fresh):
    """out += params[i] z, or = where ``fresh``, a constant of the caller."""
    rows, width = out.shape[1], out.shape[2]
    if width == 1:
        room = words.shape[1]
        for i in range(0, rows, room):
            end = min(rows, i + room)
            fill_words(seed, stream, first, group, i, end - i, True, words)
            part = out[:, i:end, 0]
            add_scaled(params, i, True, words, part[0], part[1], part[2], part[3], fresh)
    else:
        for i in range(rows):
            fill_words(seed, stream, first, group, i, width, False, words)
            add_scaled(params, i, False, words, out[0, i], out[1, i], out[2, i], out[3, i], fresh)


@compiled
def gaussian_diagonal(seed, stream, first, group, params, data, out, words):
    """params (d,) = √(2 D_i dt)."""
    scaled_normals(seed, stream, first, group, params, out, words, False)


@compiled
def set_gaussian_diagonal(seed, stream, first, group, params, data, out, words):
    """The same increments into blocks whatever they held."""
    scaled_normals(seed, stream, first, group, params, out, words, True)
