"""The phase of plain SGD from gradients of successive steps, without a Hessian.

Of steps −η g_t, s = E g_t·g_{t+1} is not |μ|²: it is |μ|² − η(μᵀHμ + Tr HΣ) + …, exactly so on quadratics.
With an unbiased M for |μ|² and T for Tr Σ at the step's batch,

    E ΔL ≈ −η (M + s)/2,   C* = (M − s)/(2T),   C > C* ⟺ M + s > 0,

the trapezoid rule along the step: it is off by −1/12 of ∂³L[u, u, u].
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate
from sdesim.estimators.consolidation.window_ratio import fieller
from sdesim.estimators.core.draws import check_level, student

Array = NDArray[np.float64]
# Fewer blocks give no interval that is worth one.
BLOCKS = 8
_METHOD = "successive-gradients"


@dataclass(frozen=True)
class Successive:
    """What successive gradients of a window tell.

    Attributes:
        drift: E ΔL/η, per unit of time; negative where the loss falls. Its detail `half_width` is that of the
            interval, and `pairs_needed` how many pairs as these would tell its sign, were it what it is here.
        c_star: the critical ratio.
        phase: "generalization" where the loss falls (C > C*), "exploration" where it rises, or "transition".
    """

    drift: Estimate
    c_star: Estimate
    phase: str


def successive_gradients(
    signal: ArrayLike, noise: ArrayLike, overlap: ArrayLike, block: int = 1, level: float = 0.95
) -> Successive:
    """Drift, C* and phase of plain SGD over a window of pairs of steps (n,), in order.

    Args:
        signal: M_t, unbiased for |μ|² at the first step of each pair; noise: T_t for Tr Σ of its batch.
        overlap: g_t·g_{t+1}.
        block: consecutive pairs that are averaged first; longer than pairs are correlated.

    Returns:
        Estimates over blocks: Student's interval of the mean of −(M + s)/2; of C* Fieller's. Below 8 blocks
        there is no interval and no phase but "transition". Where noise is not above 0, C* is as of `fieller`.

    Raises:
        EstimatorError: arrays of different shape, none, a block below 1, a level outside (0, 1).
    """
    check_level(level)
    m, t, s = (np.atleast_1d(np.asarray(x, dtype=np.float64)) for x in (signal, noise, overlap))
    if m.ndim != 1 or not m.shape == t.shape == s.shape or block < 1 or len(m) < block:
        raise EstimatorError(
            f"signal, noise and overlap must be (n,) each, n at least a block of at least 1, got "
            f"{m.shape}, {t.shape}, {s.shape} and a block of {block}"
        )
    blocks = len(m) // block
    # Pairs that fill no block are left out at the old end, so that the newest always count.
    m, t, s = (x[len(x) - blocks * block :].reshape(blocks, block).mean(axis=1) for x in (m, t, s))
    change = -0.5 * (m + s)
    value, half = float(change.mean()), math.nan
    if blocks >= BLOCKS:
        half = student(level, blocks - 1) * float(change.std(ddof=1)) / math.sqrt(blocks)
    known = math.isfinite(value) and math.isfinite(half)
    flags = () if known else ("no_interval",)
    count = blocks * block
    details = {"half_width": half, "pairs_needed": count * (half / value) ** 2 if value else math.inf}
    drift = Estimate(value, value - half, value + half, level, _METHOD, count, flags, details)
    found = fieller(0.5 * (m - s), t, level, _METHOD)
    few = blocks < BLOCKS
    star = Estimate(
        found.value, math.nan if few else found.low, math.nan if few else found.high, level, _METHOD, count,
        (*dict.fromkeys((*found.flags, *(("no_interval",) if few else ()))),),
    )  # fmt: skip
    falls, rises = known and value + half < 0, known and value - half > 0
    phase = "generalization" if falls else "exploration" if rises else "transition"
    return Successive(drift, star, phase)
