# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Compiled fill functions of minibatch noise, weights of the examples; signature as in `fill_kernels`."""

from __future__ import annotations

import numpy as np

from sdesim.compiled.jit import compiled
from sdesim.compiled.philox import uniforms
from sdesim.noise.fill_kernels import fill_normals


@compiled
def add_centred(scale, scratch, out):
    """out[i, w] += scale · (scratch[i, w] − mean over i)."""
    rows, width = out.shape
    for w in range(width):
        total = 0.0
        for i in range(rows):
            total += scratch[i, w]
        mean = total / rows
        for i in range(rows):
            out[i, w] += scale * (scratch[i, w] - mean)


@compiled
def minibatch_gaussian(seed, stream, first, pair, params, data, out0, out1, scratch0, scratch1):
    """Example weights √(η dt) (z_i − z̄)/√(B n); params[0] = √(η dt/(B n))."""
    fill_normals(seed, stream, first, pair, out0.shape[0], scratch0, scratch1)
    add_centred(params[0], scratch0, out0)
    add_centred(params[0], scratch1, out1)


@compiled
def drawn_examples(seed, stream, trajectory, pair, draw, examples):
    """The examples that one draw of a batch takes in the two steps of a pair."""
    u, v = uniforms(
        seed, np.uint64(stream), np.uint64(trajectory), np.uint64(pair), np.uint64(draw), np.uint64(0)
    )
    # u · n may round up to n.
    return min(int(u * examples), examples - 1), min(int(v * examples), examples - 1)


@compiled
def picked_examples(seed, stream, first, pair, examples, out0, out1):
    """The draws of the two steps of a pair, (K, B) each: those that `minibatch_subsample` counts."""
    for w in range(out0.shape[0]):
        for draw in range(out0.shape[1]):
            out0[w, draw], out1[w, draw] = drawn_examples(seed, stream, first + w, pair, draw, examples)


@compiled
def minibatch_subsample(seed, stream, first, pair, params, data, out0, out1, scratch0, scratch1):
    """Example weights −√(η dt) (count_i/B − 1/n) of B draws with replacement; params = [√(η dt), B].

    The draw's number stands where the other noises have the coordinate.
    """
    examples, width = out0.shape
    scale = params[0]
    batch = int(params[1])
    for w in range(width):
        for i in range(examples):
            out0[i, w] += scale / examples
            out1[i, w] += scale / examples
        for draw in range(batch):
            one, other = drawn_examples(seed, stream, first + w, pair, draw, examples)
            out0[one, w] -= scale / batch
            out1[other, w] -= scale / batch
