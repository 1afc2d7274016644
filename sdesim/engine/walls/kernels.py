# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Compiled functions of walls, as `WallKernel` says; params = [lower, upper, coordinate]."""

from __future__ import annotations

import numpy as np

from sdesim.compiled.jit import compiled


@compiled
def reflect(x, v, params):
    """Mirror what stepped across, as often as it takes; a velocity turns round with every mirroring."""
    lower, upper, k = params[0], params[1], int(params[2])
    span = upper - lower
    for w in range(x.shape[1]):
        at = x[k, w]
        if at < lower or at > upper:
            turned = True
            if span < np.inf:
                number = np.floor((at - lower) / span)
                rest = (at - lower) - number * span
                turned = number - 2.0 * np.floor(0.5 * number) != 0.0
                at = lower + (span - rest if turned else rest)
            else:
                at = (lower + lower if at < lower else upper + upper) - at
            # NaN stays NaN: such a trajectory is lost.
            x[k, w] = min(max(at, lower), upper) if at == at else at
            if turned and k < v.shape[0]:
                v[k, w] = -v[k, w]


@compiled
def near_mirror(before, after, slope, lane, h, sizes, params):
    """s e^{−2ab/s²}: the noise's size s times the chance that a Brownian bridge between distances a and b of
    the wall touched it, s + h |∇L_k| where the step itself did."""
    k = int(params[2])
    size = sizes[k]
    error = 0.0
    for side in range(2):
        sign = 1.0 if side == 0 else -1.0
        a, b = sign * (before[k, lane] - params[side]), sign * (after[k, lane] - params[side])
        if not (a > 0.0 and b > 0.0):
            error = max(error, size + h * abs(slope[k, lane]))
        elif size > 0.0 and min(a, b) < np.inf:
            error = max(error, size * np.exp(-2.0 * (a / size) * (b / size)))
    return error


@compiled
def wrap(x, v, params):
    """Bring what stepped across back in on the other side."""
    lower, upper, k = params[0], params[1], int(params[2])
    span = upper - lower
    for w in range(x.shape[1]):
        at = x[k, w]
        if at < lower or at >= upper:
            at = lower + ((at - lower) - np.floor((at - lower) / span) * span)
            # By rounding it may lie on the edge.
            x[k, w] = lower if at >= upper or at < lower else at
