"""Compiled fills of stable laws of a given scale: which function, which constants, which table."""

from __future__ import annotations

import math

import numpy as np

from sdesim.errors import SdesimError
from sdesim.noise.base import Array, NoiseKernel
from sdesim.stable.sampling.constants import law_constants, shift_to_s1
from sdesim.stable.sampling.inversion import Table, refined
from sdesim.stable.sampling.tables import radius_table, tempered_table
from sdesim.stable.sampling.tempered import Tempered

STABLE = "sdesim.noise.levy.stable_kernels"
INVERSION = "sdesim.noise.levy.inversion_kernels"
ISOTROPIC = "sdesim.noise.levy.isotropic_kernels"
# Coordinates with different scales are tempered differently, and each needs a table.
MOST_TABLES = 16


def cms_kernel(alpha: float, skew: float, scale: Array, reject: bool, limit: float) -> NoiseKernel:
    """S1 draws of the given scale (d,) by Chambers, Mallows and Stuck."""
    header = [*law_constants(alpha, skew), limit, float(reject), 0.0]
    params = np.concatenate([header, scale, shift_to_s1(alpha, skew, scale)])
    return NoiseKernel(STABLE, "stable_independent", params)


def table_kernel(
    tables: list[Table], scale: Array, shift: Array, which: Array, reject: bool, limit: float
) -> NoiseKernel:
    """scale · x(u) + shift (d,) by quantile tables; which (d,) is the number of each coordinate's table."""
    bits = max(table.bits for table in tables)
    widened = [table.coefficients if table.bits == bits else refined(table, bits) for table in tables]
    first = which * widened[0].shape[0]
    params = np.concatenate([[float(bits), limit, float(reject)], scale, shift, first])
    data = np.ascontiguousarray(np.concatenate(widened))
    return NoiseKernel(INVERSION, "inversion_independent", params, data)


def radius_kernel(alpha: float, scale: Array, reject: bool, limit: float) -> NoiseKernel:
    """Isotropic increments of the given scale (d,), their mixing radius by its quantile table."""
    table = radius_table(alpha)
    params = np.concatenate([[float(table.bits), limit, float(reject)], scale])
    function = "inversion_isotropic" if limit == math.inf else "inversion_isotropic_limited"
    return NoiseKernel(ISOTROPIC, function, params, table.coefficients)


def tempered_kernel(
    alpha: float, skew: float, tempering: float, scale: Array, reject: bool, limit: float
) -> NoiseKernel:
    """Tempered draws of the given scale (d,); each different scale has a table of its own.

    Raises:
        SdesimError: if there are more than 16 different scales, or a table can't be made.
    """
    sizes, which = np.unique(np.where(scale > 0.0, scale, scale.max()), return_inverse=True)
    if sizes.size > MOST_TABLES:
        raise SdesimError(f"tempering takes at most {MOST_TABLES} different scales, got {sizes.size}")
    if sizes[0] == 0.0:
        return cms_kernel(alpha, skew, scale, reject, limit)
    tables = [tempered_table(alpha, skew, float(tempering * size)) for size in sizes]
    shift = shift_to_s1(alpha, skew, scale)
    if alpha != 1.0:
        places = np.array([Tempered(alpha, skew, float(tempering * size)).location for size in sizes])
        shift = scale * places[which]
    return table_kernel(tables, scale, shift, which.astype(np.float64), reject, limit)
