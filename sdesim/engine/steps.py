# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""One step of each scheme on a block (d, W), in place.

x: state; g: drift gradient ∇L(x); i: noise increments over dt, already scaled.
"""

from __future__ import annotations

import math

from sdesim.surfaces.jit import compiled


@compiled
def euler_maruyama(x, g, i, dt):
    """x ← x − ∇L dt + ΔN."""
    d, width = x.shape
    for k in range(d):
        for w in range(width):
            x[k, w] += i[k, w] - dt * g[k, w]


@compiled
def tamed_euler(x, g, i, dt):
    """x ← x − ∇L dt/(1 + dt |∇L|) + ΔN."""
    d, width = x.shape
    for w in range(width):
        square = 0.0
        for k in range(d):
            square += g[k, w] * g[k, w]
        length = dt / (1.0 + dt * math.sqrt(square))
        for k in range(d):
            x[k, w] += i[k, w] - length * g[k, w]


@compiled
def no_well(x, lane, params):
    """−1: the surface has no wells."""
    return -1
