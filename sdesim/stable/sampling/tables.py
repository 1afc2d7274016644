"""Quantile tables of the stable law, of isotropic mixing radii and of the tempered law, kept on disk."""

from __future__ import annotations

import math
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from sdesim.stable.sampling.constants import law_constants
from sdesim.stable.sampling.inversion import Table, Tail, build_table
from sdesim.stable.sampling.store import kept_table
from sdesim.stable.sampling.tempered import Tempered

Array = NDArray[np.float64]

NODES = 16


def stable_tail(alpha: float, skew: float) -> Tail:
    """P(Z₀ > x) of the standard stable law as a function of the points x; α < 2.

    By series or contour where they tell it, else by the integrals of `tail_integral`.
    """
    from sdesim.stable.sampling.contour import make_rays, quick_tails, side_constants
    from sdesim.stable.sampling.tail_integral import light_tails, tail_probabilities

    if alpha == 1.0 and skew == 0.0:
        return lambda x: np.asarray(np.arctan2(1.0, x) / np.pi)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    constants = law_constants(alpha, skew)

    @cache
    def side(sign: float) -> tuple[Array, ...]:
        beta = sign * skew
        sides, factors = side_constants(alpha, beta)
        return sides, factors, *make_rays(alpha, beta, constants[2], float(sides[5]))

    def probabilities(x: Array) -> Array:
        points = np.ascontiguousarray(x, dtype=np.float64)
        out = np.full(points.shape, np.nan)
        if skew == -1.0:
            light_tails(points, *constants, out)
        for sign in (1.0, -1.0):
            chosen = np.flatnonzero(np.isnan(out) & (sign * points > 0.0))
            if chosen.size:
                found = np.empty(chosen.size)
                quick_tails(sign * points[chosen], *side(sign), found)
                out[chosen] = found if sign > 0.0 else 1.0 - found
        left = np.flatnonzero(np.isnan(out))
        if left.size:
            out[left] = tail_probabilities(points[left], nodes, weights, *constants)
        return out

    return probabilities


@lru_cache(maxsize=64)
def stable_table(alpha: float, skew: float) -> Table:
    """Quantile table of the standard S0 law, α in [0.3, 2).

    Raises:
        SdesimError: if the table's u-error is above 1e-12.
    """

    def make() -> Table:
        right = stable_tail(alpha, skew)
        return build_table(right, right if skew == 0.0 else stable_tail(alpha, -skew), 1.0)

    return kept_table(f"stable {alpha.hex()} {skew.hex()}", make)


@lru_cache(maxsize=64)
def radius_table(alpha: float) -> Table:
    """Quantile table of √(2A), A positive α/2-stable with E e^{−sA} = exp(−s^{α/2}): √(2A) G is isotropic.

    A = γ (Z₀ + t) with Z₀ standard and totally skewed, t = tan(πα/4), γ = cos(πα/4)^{2/α}.

    Raises:
        SdesimError: if the table's u-error is above 1e-12.
    """
    half = 0.5 * alpha
    unit, t = math.cos(0.5 * math.pi * half) ** (1.0 / half), math.tan(0.5 * math.pi * half)

    def make() -> Table:
        above, below = stable_tail(half, 1.0), stable_tail(half, -1.0)

        def right(radius: Array) -> Array:
            inside = radius > 0.0
            return np.where(inside, above(np.where(inside, radius**2 / (2.0 * unit) - t, 0.0)), 1.0)

        def left(minus: Array) -> Array:
            inside = minus < 0.0
            return np.where(inside, below(np.where(inside, t - minus**2 / (2.0 * unit), 0.0)), 0.0)

        return build_table(right, left, min(1.0, 2.0 * unit))

    return kept_table(f"radius {alpha.hex()}", make)


@lru_cache(maxsize=64)
def tempered_table(alpha: float, skew: float, tempering: float) -> Table:
    """Quantile table of the unit tempered law (see `tempered`), α in [0.3, 2).

    Raises:
        SdesimError: if the table's u-error is above 1e-12.
    """

    def make() -> Table:
        law = Tempered(alpha, skew, tempering)
        right = law.tail(1.0)
        return build_table(right, right if skew == 0.0 else law.tail(-1.0), min(1.0, law.deviation))

    return kept_table(f"tempered {alpha.hex()} {skew.hex()} {tempering.hex()}", make)
