# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Compiled draws of jumps: one of two uniforms and the parameters."""

from __future__ import annotations

from sdesim.compiled.jit import compiled
from sdesim.compiled.philox import box_muller, log
from sdesim.stable.sampling.cms import symmetric


@compiled
def normal(u, v, p):
    """p = [mean, standard deviation]."""
    return p[0] + p[1] * box_muller(u, v)[0]


@compiled
def exponential(u, v, p):
    """p = [mean]."""
    return -p[0] * log(u)


@compiled
def laplace(u, v, p):
    """p = [scale]."""
    size = -p[0] * log(u)
    return size if v < 0.5 else -size


@compiled
def stable(u, v, p):
    """p = [α, scale]."""
    return p[1] * symmetric(u, v, p[0])
