# mypy: disable-error-code="misc,call-arg,var-annotated,no-any-return,no-untyped-def,no-untyped-call"
# mypy: disable-error-code="untyped-decorator"
"""Compiled twin of `Flat`, on blocks (d, W); signatures as in `SurfaceKernel`."""

from __future__ import annotations

from sdesim.compiled.jit import compiled


@compiled
def loss(x, params, data0, data1, out):
    """L = 0."""
    out[:] = 0.0


@compiled
def grad(x, params, data0, data1, out):
    """∇L = 0."""
    out[:, :] = 0.0


@compiled
def hvp(x, v, params, data0, data1, out):
    """∇²L v = 0."""
    out[:, :] = 0.0
