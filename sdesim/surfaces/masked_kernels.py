# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Compiled steps between the trained coordinates (k, W) and all of them (D, W).

params = [k, D, indices of the trained coordinates (k,), values of all coordinates (D,), the base surface's
own params].
"""

from __future__ import annotations

import numpy as np

from sdesim.compiled.jit import compiled


@compiled
def base_params(params):
    """The params of the base surface."""
    return params[2 + int(params[0]) + int(params[1]) :]


@compiled
def embed(x, params):
    """All coordinates (D, W): x where trained, the fixed values elsewhere."""
    kept, total = int(params[0]), int(params[1])
    width = x.shape[1]
    out = np.empty((total, width))
    for i in range(total):
        for w in range(width):
            out[i, w] = params[2 + kept + i]
    for k in range(kept):
        i = int(params[2 + k])
        for w in range(width):
            out[i, w] = x[k, w]
    return out


@compiled
def embed_lane(x, lane, params):
    """All coordinates of one column: (D, 1)."""
    column = np.empty((x.shape[0], 1))
    for k in range(x.shape[0]):
        column[k, 0] = x[k, lane]
    return embed(column, params)


@compiled
def embed_vector(v, params):
    """A vector along the trained coordinates in all of them, 0 elsewhere: (D, W)."""
    out = np.zeros((int(params[1]), v.shape[1]))
    for k in range(v.shape[0]):
        i = int(params[2 + k])
        for w in range(v.shape[1]):
            out[i, w] = v[k, w]
    return out


@compiled
def pick(full, params, out):
    """out (k, W) = the trained rows of full (D, W)."""
    for k in range(out.shape[0]):
        i = int(params[2 + k])
        for w in range(out.shape[1]):
            out[k, w] = full[i, w]
