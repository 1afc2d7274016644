# mypy: disable-error-code="misc,call-arg,var-annotated,no-any-return,no-untyped-def,no-untyped-call"
# mypy: disable-error-code="untyped-decorator"
"""Increments that are worked out a stretch ahead, and the compiled functions that do it.

Sums of two products are written out as `fma`: left to the compiler, either product may be rounded, and which
one may depend on how a loop is cut.
"""

from __future__ import annotations

import math

import numpy as np

from sdesim.compiled.elementary import fma
from sdesim.compiled.jit import compiled, compiled_entry
from sdesim.compiled.philox import box_muller, log, uniforms
from sdesim.noise.kernel import GROUP


@compiled
def from_table(seed, stream, first, pair, params, data, out0, out1, scratch0, scratch1):
    """out += rows of the table; params = [its first step, its first trajectory], data (steps · d, K)."""
    rows, width = out0.shape
    at = (2 * pair - int(params[0])) * rows
    column = first - int(params[1])
    for i in range(rows):
        for w in range(width):
            out0[i, w] += data[at + i, column + w]
            out1[i, w] += data[at + rows + i, column + w]


@compiled
def two_normals(seed, stream, trajectory, pair, coordinate, word):
    """Two standard normals at one place of the counter."""
    u, v = uniforms(
        seed,
        np.uint64(stream),
        np.uint64(trajectory),
        np.uint64(pair),
        np.uint64(coordinate),
        np.uint64(word),
    )
    return box_muller(u, v)


@compiled_entry
def start_normal(seed, stream, first, word, scale, state):
    """state[i, w] = scale[i] z, one z for each coordinate and trajectory."""
    for i in range(state.shape[0]):
        for w in range(state.shape[1]):
            state[i, w] = scale[i] * two_normals(seed, stream, first + w, 0, i, word)[0]


@compiled_entry
def start_sign(seed, stream, first, word, state):
    """state[i, w] = ±1 with equal chances."""
    for i in range(state.shape[0]):
        for w in range(state.shape[1]):
            u, _ = uniforms(
                seed,
                np.uint64(stream),
                np.uint64(first + w),
                np.uint64(0),
                np.uint64(i),
                np.uint64(word),
            )
            state[i, w] = 1.0 if u < 0.5 else -1.0


@compiled
def coloured_step(value, z1, z2, law):
    """(the value after the step, its integral over the step)."""
    after = fma(law[0], value, law[1] * z1)
    return after, fma(law[2], value, fma(law[3], z1, law[4] * z2))


@compiled_entry
def coloured_steps(seed, stream, first, begin, end, law, scale, state, out):
    """Steps begin … end − 1 of Ornstein–Uhlenbeck processes of unit strength, times scale; out (n, rows, K).

    law = [a, s, g, c, e]: value ← a value + s z₁, integral = g value + c z₁ + e z₂. Row 0 of out is of the
    first step of the group that ``begin`` is in.
    """
    base = begin - begin % GROUP
    for pair in range(begin // 2, (end + 1) // 2):
        for i in range(state.shape[0]):
            for w in range(state.shape[1]):
                a0, a1 = two_normals(seed, stream, first + w, pair, i, 0)
                b0, b1 = two_normals(seed, stream, first + w, pair, i, 1)
                value = state[i, w]
                if 2 * pair >= begin:
                    value, whole = coloured_step(value, a0, b0, law)
                    out[2 * pair - base, i, w] = scale[i] * whole
                if 2 * pair + 1 < end:
                    value, whole = coloured_step(value, a1, b1, law)
                    out[2 * pair + 1 - base, i, w] = scale[i] * whole
                state[i, w] = value


@compiled_entry
def mix(sources, factor, out):
    """out[n, i, w] = Σ_j factor[i, j] sources[n, j, w], in the order of j."""
    for n in range(out.shape[0]):
        for i in range(out.shape[1]):
            for w in range(out.shape[2]):
                total = 0.0
                for j in range(factor.shape[1]):
                    total = fma(factor[i, j], sources[n, j, w], total)
                out[n, i, w] = total


@compiled_entry
def telegraph_steps(seed, stream, first, begin, end, rate, dt, amplitude, state, out):
    """Steps begin … end − 1 of the integral of amplitude · (±1), which turns at the given rate."""
    base = begin - begin % GROUP
    for step in range(begin, end):
        for i in range(state.shape[0]):
            for w in range(state.shape[1]):
                sign, gone, whole, draw = state[i, w], 0.0, 0.0, 0
                while gone < dt:
                    u, _ = uniforms(
                        seed,
                        np.uint64(stream),
                        np.uint64(first + w),
                        np.uint64(step // 2),
                        np.uint64(i),
                        np.uint64(step % 2 + 2 * draw),
                    )
                    draw += 1
                    wait = -log(u) / rate
                    stay = min(wait, dt - gone)
                    whole += sign * stay
                    gone += wait
                    if gone < dt:
                        sign = -sign
                out[step - base, i, w] = amplitude[i] * whole
                state[i, w] = sign


@compiled_entry
def spectrum_normals(seed, stream, trajectory, coordinate, root, out):
    """out (m + 1,) complex: √λ_k of the circulant times normals, as its inverse transform takes them."""
    m = root.shape[0] - 1
    half = math.sqrt(0.5)
    for k in range(m + 1):
        a, b = two_normals(seed, stream, trajectory, k, coordinate, 0)
        if k == 0 or k == m:
            out[k] = complex(root[k] * a, 0.0)
        else:
            out[k] = complex(root[k] * (half * a), root[k] * (half * b))
