# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Compiled twin of the rough surface, on blocks (d, W); signatures as in `SurfaceKernel`.

params = [κ, φ (M,), a (M,)], data0 = K (M, d) in cycles per unit length: wave m has the phase
t_m = φ_m + Σ_j K_mj x_j in turns.
"""

from __future__ import annotations

import math

import numpy as np

from sdesim.compiled.elementary import sincos_turns
from sdesim.compiled.jit import compiled

TURN = 2.0 * math.pi


@compiled
def _project(x, wave, start, out):
    """out (W,) = start + Σ_j wave_j x_j."""
    out[:] = start
    for j in range(x.shape[0]):
        k = wave[j]
        for w in range(x.shape[1]):
            out[w] += k * x[j, w]


@compiled
def loss(x, params, data0, data1, out):
    """½ κ |x|² + Σ_m a_m cos 2πt_m."""
    d, width = x.shape
    waves = data0.shape[0]
    turns = np.empty(width)
    out[:] = 0.0
    for j in range(d):
        for w in range(width):
            out[w] += (0.5 * params[0]) * (x[j, w] * x[j, w])
    for m in range(waves):
        _project(x, data0[m], params[1 + m], turns)
        height = params[1 + waves + m]
        for w in range(width):
            _, cosine = sincos_turns(turns[w])
            out[w] += height * cosine


@compiled
def grad(x, params, data0, data1, out):
    """κ x_j − Σ_m 2π a_m K_mj sin 2πt_m."""
    d, width = x.shape
    waves = data0.shape[0]
    turns = np.empty(width)
    for j in range(d):
        for w in range(width):
            out[j, w] = params[0] * x[j, w]
    for m in range(waves):
        _project(x, data0[m], params[1 + m], turns)
        scale = -TURN * params[1 + waves + m]
        for w in range(width):
            sine, _ = sincos_turns(turns[w])
            turns[w] = scale * sine
        for j in range(d):
            k = data0[m, j]
            for w in range(width):
                out[j, w] += k * turns[w]


@compiled
def hvp(x, v, params, data0, data1, out):
    """κ v_j − Σ_m (2π)² a_m K_mj (K_m·v) cos 2πt_m."""
    d, width = x.shape
    waves = data0.shape[0]
    turns, along = np.empty(width), np.empty(width)
    for j in range(d):
        for w in range(width):
            out[j, w] = params[0] * v[j, w]
    for m in range(waves):
        _project(x, data0[m], params[1 + m], turns)
        _project(v, data0[m], 0.0, along)
        scale = -(TURN * TURN) * params[1 + waves + m]
        for w in range(width):
            _, cosine = sincos_turns(turns[w])
            turns[w] = scale * cosine * along[w]
        for j in range(d):
            k = data0[m, j]
            for w in range(width):
                out[j, w] += k * turns[w]
