"""Quantile tables of the stable and the tempered stable law, kept for the life of the process."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sdesim.stable.sampling.constants import law_constants
from sdesim.stable.sampling.inversion import Table, Tail, build_table
from sdesim.stable.sampling.tempered import Tempered

Array = NDArray[np.float64]

NODES = 16


def stable_tail(alpha: float, skew: float) -> Tail:
    """P(Z₀ > x) of the standard stable law as a function of the points x; α < 2."""
    from sdesim.stable.sampling.tail_integral import tail_probabilities

    if alpha == 1.0 and skew == 0.0:
        return lambda x: np.asarray(np.arctan2(1.0, x) / np.pi)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    constants = law_constants(alpha, skew)

    def probabilities(x: Array) -> Array:
        points = np.ascontiguousarray(x, dtype=np.float64)
        return np.asarray(tail_probabilities(points, nodes, weights, *constants))

    return probabilities


@lru_cache(maxsize=64)
def stable_table(alpha: float, skew: float) -> Table:
    """Quantile table of the standard S0 law, α in [0.3, 2).

    Raises:
        SdesimError: if the table's u-error is above 1e-12.
    """
    right = stable_tail(alpha, skew)
    return build_table(right, right if skew == 0.0 else stable_tail(alpha, -skew), 1.0)


@lru_cache(maxsize=64)
def tempered_table(alpha: float, skew: float, tempering: float) -> Table:
    """Quantile table of the unit tempered law (see `tempered`), α in [0.3, 2).

    Raises:
        SdesimError: if the table's u-error is above 1e-12.
    """
    law = Tempered(alpha, skew, tempering)
    right = law.tail(1.0)
    return build_table(right, right if skew == 0.0 else law.tail(-1.0), min(1.0, law.deviation))
