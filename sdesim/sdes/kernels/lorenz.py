# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""The Lorenz equations; params [σ, ρ, β]."""

from __future__ import annotations

from sdesim.compiled.jit import compiled


@compiled
def grad(x, params, data0, data1, out):
    """−(σ (y − x), x (ρ − z) − y, x y − β z)."""
    for w in range(x.shape[1]):
        out[0, w] = params[0] * (x[0, w] - x[1, w])
        out[1, w] = x[1, w] - x[0, w] * (params[1] - x[2, w])
        out[2, w] = params[2] * x[2, w]
    # Apart from the loop above: of a sum of two products a compiler may round either one.
    for w in range(x.shape[1]):
        out[2, w] -= x[0, w] * x[1, w]


@compiled
def hvp(x, v, params, data0, data1, out):
    """−J v."""
    for w in range(x.shape[1]):
        out[0, w] = params[0] * (v[0, w] - v[1, w])
        out[1, w] = v[1, w] - v[0, w] * (params[1] - x[2, w])
        out[2, w] = params[2] * v[2, w]
    for w in range(x.shape[1]):
        out[1, w] += x[0, w] * v[2, w]
        out[2, w] -= x[0, w] * v[1, w]
    for w in range(x.shape[1]):
        out[2, w] -= v[0, w] * x[1, w]
