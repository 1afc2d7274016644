# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Compiled draws of isotropic stable vectors √(2A) G, of which elliptical ones are made."""

from __future__ import annotations

import math

import numpy as np

from sdesim.compiled.jit import compiled
from sdesim.compiled.philox import normals
from sdesim.compiled.streams import FIRST_OF_VECTORS
from sdesim.stable.sampling.cms import mixing_radius

# Streams of their own: above those that a simulation's noises have.
RADII, NORMALS = np.uint64(FIRST_OF_VECTORS), np.uint64(FIRST_OF_VECTORS + 1)


@compiled
def isotropic(seed, count, dim, alpha):
    """(count, dim) draws; number k is a function of (seed, k) only."""
    out = np.empty((count, dim))
    zero = np.uint64(0)
    for k in range(count):
        radius = math.sqrt(2.0)
        if alpha < 2.0:
            radius = mixing_radius(seed, RADII, np.uint64(k), zero, zero, alpha)
        for j in range(0, dim, 2):
            first, second = normals(seed, NORMALS, np.uint64(k), zero, np.uint64(j // 2))
            out[k, j] = radius * first
            if j + 1 < dim:
                out[k, j + 1] = radius * second
    return out
