"""The source's effective rate λ_eff = η·C·μ (§10.1) and a bound that holds.

For a β-smooth loss with PL constant m: E[L₊ − L*] ≤ [1 − 2mη(1 − (βη/2)(1 + 1/C))](L − L*); the best
step η = p/β contracts by 1 − p·m/β.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from sdesim.errors import EstimatorError


@dataclass(frozen=True)
class EffectiveRate:
    """λ_eff with both factors of the source (§10.1: 1 − λ; §13.3: 1 − λ/2), and the corrected factor per
    step (NaN without β and m). Flag `units`: λ_eff is not dimensionless; `unbounded`: it exceeds 1."""

    value: float
    factor_literal: float
    factor_literal_half: float
    factor: float
    flags: tuple[str, ...]


def effective_rate(
    eta: float, c: float, mu: float, smoothness: float | None = None, pl: float | None = None
) -> EffectiveRate:
    """λ_eff = η·C·μ and the convergence factors.

    Args:
        eta: learning rate; c: C; mu: |mean gradient| on the d_H-dimensional manifold.
        smoothness: β (λ_max along the path), pl: m, both for the corrected factor.

    Raises:
        EstimatorError: η not positive.
    """
    if not eta > 0:
        raise EstimatorError(f"eta must be positive, got {eta}")
    value = eta * c * mu
    flags = ("units", "unbounded") if value > 1 else ("units",)
    factor = math.nan
    if smoothness is not None and pl is not None:
        factor = 1.0
        if c > 0:
            factor = 1 - 2 * pl * eta * (1 - smoothness * eta / 2 * (1 + 1 / c))
    return EffectiveRate(value, 1 - value, 1 - value / 2, factor, flags)


def obeys_bound(losses: list[float], minimum: float, factor: float) -> float:
    """Share of steps at which L_{t+1} − L* ≤ factor·(L_t − L*).

    Raises:
        EstimatorError: fewer than two losses.
    """
    if len(losses) < 2:
        raise EstimatorError("at least two losses are needed")
    kept = [b - minimum <= factor * (a - minimum) for a, b in pairwise(losses)]
    return sum(kept) / len(kept)
