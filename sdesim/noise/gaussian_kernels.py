# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Compiled fill functions of Gaussian noise; the signature is that of `fill_kernels`."""

from __future__ import annotations

from sdesim.compiled.jit import compiled, compiled_inside
from sdesim.compiled.philox import box_muller
from sdesim.noise.fill_kernels import fill_normals, fill_uniforms


@compiled_inside
def scaled_normals(seed, stream, first, pair, params, out0, out1, scratch0, scratch1, fresh):
    """out += params[i] z, or = where ``fresh``, a constant of the caller."""
    rows, width = out0.shape
    fill_uniforms(seed, stream, first, pair, 0, rows, scratch0, scratch1)
    if width == 1:
        for i in range(rows):
            z0, z1 = box_muller(scratch0[i, 0], scratch1[i, 0])
            out0[i, 0] = params[i] * z0 + (0.0 if fresh else out0[i, 0])
            out1[i, 0] = params[i] * z1 + (0.0 if fresh else out1[i, 0])
    else:
        for i in range(rows):
            scale = params[i]
            for w in range(width):
                z0, z1 = box_muller(scratch0[i, w], scratch1[i, w])
                out0[i, w] = scale * z0 + (0.0 if fresh else out0[i, w])
                out1[i, w] = scale * z1 + (0.0 if fresh else out1[i, w])


@compiled
def gaussian_diagonal(seed, stream, first, pair, params, data, out0, out1, scratch0, scratch1):
    """params (d,) = √(2 D_i dt)."""
    scaled_normals(seed, stream, first, pair, params, out0, out1, scratch0, scratch1, False)


@compiled
def set_gaussian_diagonal(seed, stream, first, pair, params, data, out0, out1, scratch0, scratch1):
    """The same increments into blocks whatever they held."""
    scaled_normals(seed, stream, first, pair, params, out0, out1, scratch0, scratch1, True)


@compiled
def add_product(data, triangular, scratch, out):
    """out[i, w] += Σ_k data[k, i] scratch[k, w], summed in the order of k for every width."""
    rows, width = out.shape
    for k in range(data.shape[0]):
        start = k if triangular else 0
        if width == 1:
            for i in range(start, rows):
                out[i, 0] += data[k, i] * scratch[k, 0]
        else:
            for i in range(start, rows):
                for w in range(width):
                    out[i, w] += data[k, i] * scratch[k, w]


@compiled
def gaussian_factor(seed, stream, first, pair, params, data, out0, out1, scratch0, scratch1):
    """data (k, d) = √(2 dt) Fᵀ, k ≤ d; params = [1 if F is lower triangular, else 0]."""
    fill_normals(seed, stream, first, pair, data.shape[0], scratch0, scratch1)
    add_product(data, params[0] != 0.0, scratch0, out0)
    add_product(data, params[0] != 0.0, scratch1, out1)
