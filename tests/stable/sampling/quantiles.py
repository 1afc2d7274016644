"""Quantiles that a compiled table gives, and uniforms to ask it for."""

import numpy as np

from sdesim.compiled.jit import compiled
from sdesim.stable.sampling.quantile import quantile


@compiled
def from_table(u, coefficients, bits):
    """x(u) by the compiled look-up."""
    out = np.empty(u.size)
    table = coefficients.reshape(coefficients.size)
    for i in range(u.size):
        out[i] = quantile(u[i], table, np.uint64(0), np.uint64(bits))
    return out


def quantiles(table, u):
    """x(u) of a table."""
    return from_table(np.asarray(u), table.coefficients, table.bits)


def grid(n, seed=1):
    """Uniforms (k + ½) 2⁻⁵²: over the whole range, and towards both ends and the middle."""
    rng = np.random.default_rng(seed)
    small = 2.0 ** rng.uniform(-52, -1, n)
    u = np.concatenate([rng.random(n), small, 1 - small, 0.5 + small / 2, 0.5 - small / 2])
    return (np.clip(np.floor(u * 2.0**52), 0, 2.0**52 - 1) + 0.5) * 2.0**-52
