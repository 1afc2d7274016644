# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Compiled draws by a quantile table outside a simulation."""

from __future__ import annotations

import numpy as np

from sdesim.compiled.jit import compiled
from sdesim.compiled.philox import uniforms
from sdesim.stable.sampling.quantile import quantile

# A stream of its own: above those that a simulation's noises have.
STREAM = np.uint64(252)


@compiled
def by_table(seed, table, bits, count):
    """(count,) standard draws; number k is a function of (seed, k) only."""
    out = np.empty(count)
    zero, cells = np.uint64(0), np.uint64(bits)
    for k in range(0, count, 2):
        u, v = uniforms(seed, STREAM, np.uint64(k // 2), zero, zero, zero)
        out[k] = quantile(u, table, zero, cells)
        if k + 1 < count:
            out[k + 1] = quantile(v, table, zero, cells)
    return out
