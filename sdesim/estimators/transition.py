"""Where a series crosses a threshold or changes, without alarms from estimation noise alone.

The source's rule (§11.2) fires whenever two consecutive values straddle the threshold; under pure
noise that happens up to once in four steps. The default asks for intervals and persistence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import EstimatorError


@dataclass(frozen=True)
class Transition:
    """index: first position in the new state, None when there is none; [low, high]: interval of the
    location (positions); direction: "up" | "down" | "none"; statistic and p_value where a test made it."""

    index: int | None
    direction: str
    method: str
    low: int | None = None
    high: int | None = None
    p_value: float = float("nan")
    flags: tuple[str, ...] = ()


def detect_transition(
    series: ArrayLike, low: ArrayLike | None = None, high: ArrayLike | None = None, threshold: float = 0.5,
    method: str = "confident-crossing", confirm: int = 3, seed: int = 0,
) -> Transition:  # fmt: skip
    """First transition of a series (n,).

    Args:
        low, high: interval ends of each value (n,), needed by "confident-crossing".
        method: "confident-crossing" (default): the first index from which `confirm` intervals in a row
            lie on the other side than the last confident side before; "crossing": previous ≤ threshold <
            current (literal, §11.2); "changepoint": the largest CUSUM of ranks, p-value from 999
            permutations, location interval from the positions within the same CUSUM level.

    Raises:
        EstimatorError: shapes that don't fit, unknown method.
    """
    x = np.asarray(series, dtype=np.float64)
    if x.ndim != 1:
        raise EstimatorError(f"series must be one-dimensional, got shape {x.shape}")
    if method == "crossing":
        above = np.flatnonzero((x[:-1] <= threshold) & (x[1:] > threshold))
        if len(above) == 0:
            return Transition(None, "none", method)
        k = int(above[0]) + 1
        return Transition(k, "up", method, k, k)
    if method == "changepoint":
        return _changepoint(x, seed)
    if method != "confident-crossing":
        raise EstimatorError(
            f"method must be 'confident-crossing', 'crossing' or 'changepoint', got {method!r}"
        )
    if low is None or high is None:
        raise EstimatorError("confident-crossing needs low and high, the interval ends of the series")
    lo, hi = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    if lo.shape != x.shape or hi.shape != x.shape:
        raise EstimatorError(
            f"low and high must have the series' shape {x.shape}, got {lo.shape}, {hi.shape}"
        )
    return _confident(lo, hi, threshold, confirm, method)


def _confident(
    lo: NDArray[np.float64], hi: NDArray[np.float64], threshold: float, confirm: int, method: str
) -> Transition:
    side = np.where(lo > threshold, 1, np.where(hi < threshold, -1, 0))
    state, last, run, run_side = 0, 0, 0, 0
    for k, s in enumerate(side):
        run = run + 1 if s == run_side and s != 0 else int(s != 0)
        run_side = int(s)
        if run < confirm:
            continue
        if state == 0 or s == state:
            state, last = int(s), k
            continue
        first = k - confirm + 1
        return Transition(first, "up" if s > 0 else "down", method, last + 1, first)
    return Transition(None, "none", method, flags=() if state else ("no_confident_value",))


def _changepoint(x: NDArray[np.float64], seed: int, level: float = 0.95) -> Transition:
    finite = np.flatnonzero(np.isfinite(x))
    n = len(finite)
    if n < 8:
        return Transition(None, "none", "changepoint", flags=("too_few_samples",))
    ranks = np.argsort(np.argsort(x[finite])).astype(np.float64)
    centred = ranks - ranks.mean()
    weight = np.sqrt(np.arange(1, n) * np.arange(n - 1, 0, -1) / n)

    def curve(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.abs(np.cumsum(values, axis=-1)[..., :-1]) / weight)

    observed = curve(centred)
    rng = np.random.default_rng(seed)
    null = curve(rng.permuted(np.broadcast_to(centred, (999, n)), axis=1)).max(axis=1)
    p_value = float((1 + np.sum(null >= observed.max())) / 1000)
    if p_value > 0.01:
        return Transition(None, "none", "changepoint", p_value=p_value)
    k = int(observed.argmax())
    # Positions whose CUSUM is within the null's spread of the maximum can't be told from it.
    near = np.flatnonzero(observed >= observed.max() - (np.quantile(null, level) - np.median(null)))
    direction = "up" if centred[k + 1 :].mean() > centred[: k + 1].mean() else "down"
    return Transition(
        int(finite[k + 1]),
        direction,
        "changepoint",
        int(finite[near.min() + 1]),
        int(finite[near.max() + 1]),
        p_value,
    )
