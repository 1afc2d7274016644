"""The index I = p·S/d_H (§6), literal and with a sign that means what its table says.

In the source the sign is undecided: §6.1 calls S = 2η − λ_max < 0 stable, the table of §6.3 calls I < 0
divergence, and p ≥ 0, d_H > 0 leave the sign of I to S. Its code (§11.1) computes no S and no d_H: it sets
S = 0.1 and d_H = 1.5, so that its I is p/15 < 0.067, and every network is in "stagnation". The corrected
index is positive where the optimizer is stable and negative where it is not.

A heuristic index, not a law: it is linear in S, so its maximum lies at the largest margin and not at the
edge of stability as §9.4 says. Read the three numbers it is made of (`details`) before the product.
"""

from __future__ import annotations

import math
from itertools import product

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate

Number = float | Estimate
METHODS = ("corrected", "literal")
# What the source's code puts for S and d_H (§11.1).
PLACEHOLDER_S = 0.1
PLACEHOLDER_D_H = 1.5
# Above this share of the cap 1/d_H the corrected index counts as healthy.
HEALTHY_SHARE = 0.25
_UNDEFINED = ("interpolated", "nonfinite")
_TINY = 1e-12


def _span(x: Number) -> tuple[float, float, float]:
    if isinstance(x, Estimate):
        return x.value, x.low, x.high
    return float(x), float(x), float(x)


def _check_method(method: str) -> None:
    if method not in METHODS:
        raise EstimatorError(f"method must be 'corrected' or 'literal', got {method!r}")


def intelligence(
    p: Number, s: Number | None = None, d_h: Number | None = None, method: str = "corrected"
) -> Estimate:
    """I from p, the margin S and the dimension d_H.

    corrected: max(p, 0)·(min(S, 2)/2)/d_H with the normalised S = 2(1 − λ_max/λ_crit): positive where stable,
    0 at the edge, negative where unstable, at most 1/d_H. A debiased p below 0 is no signal, and counts
    as 0, so that it can't turn the sign. literal: p·S/d_H (§6) of whatever S is given.

    Args:
        p: p = C/(1+C), debiased for "corrected".
        s: S, normalised for "corrected", 2η − λ_max for "literal"; without it "literal" takes the 0.1 of the
            source's code (§11.1), flag `placeholder`.
        d_h: d_H; without it "literal" takes the source's 1.5, flag `placeholder`.

    Returns:
        Estimate with the inputs' flags, `heuristic`, and the triple in `details`: p, s, d_h. The interval is
        the hull over the corners of the inputs' intervals: its coverage is at least `details["joint_level"]`
        = 1 − Σ(1 − levels), and in practice above `level`, the least level of the inputs (0.99 of nominal
        0.95 intervals of p and d_H, measured in tests). NaN, flag `undefined`, where an input is
        `interpolated`, `nonfinite` or NaN.

    Raises:
        EstimatorError: unknown method, d_H not positive, "corrected" without s or d_h.
    """
    _check_method(method)
    if method == "corrected" and (s is None or d_h is None):
        raise EstimatorError("the corrected index needs s and d_h; only 'literal' has placeholders for them")
    extra = ("placeholder",) if s is None or d_h is None else ()
    inputs = (p, PLACEHOLDER_S if s is None else s, PLACEHOLDER_D_H if d_h is None else d_h)
    values, spans = zip(*((x[0], x[1:]) for x in map(_span, inputs)), strict=True)
    if values[2] <= 0:
        raise EstimatorError(f"d_h must be positive, got {values[2]}")
    estimates = [x for x in inputs if isinstance(x, Estimate)]
    flags = tuple(dict.fromkeys(f for x in estimates for f in x.flags if f != "no_interval")) + extra
    levels = [x.level for x in estimates]
    level, n = min(levels, default=0.95), min((x.n for x in estimates), default=1)
    details = dict(zip(("p", "s", "d_h"), map(float, values), strict=True))
    details["joint_level"] = max(0.0, 1 - sum(1 - x for x in levels))
    value = _index(values, method)
    if math.isnan(value) or any(f in flags for f in _UNDEFINED):
        flags = (*flags, "undefined", "no_interval", "heuristic")
        return Estimate(math.nan, math.nan, math.nan, level, method, n, flags, details)
    corners = [_index(corner, method) for corner in product(*spans)]
    low, high = (min(corners), max(corners)) if all(map(math.isfinite, corners)) else (math.nan, math.nan)
    flags = (*flags, *(("no_interval",) if math.isnan(low) else ()), "heuristic")
    return Estimate(value, low, high, level, method, n, flags, details)


def _index(triple: tuple[float, ...], method: str) -> float:
    p, s, d_h = triple[0], triple[1], max(triple[2], _TINY)
    if method == "literal" or math.isnan(p) or math.isnan(s):
        return p * s / d_h
    return max(p, 0.0) * min(s, 2.0) / 2 / d_h


def intelligence_state(i: Number, method: str = "corrected", d_h: float | None = None) -> str:
    """The word for a value of I.

    literal bands (§6.3): > 0.5 "healthy", 0.1–0.5 "transition", 0–0.1 "stagnation", < 0 "divergence". At
    d_H = 2 the corrected index, at most 1/d_H, never leaves the last two of them, hence its own bands, as
    fractions of that cap: > 0.25 "healthy", below "stagnation", "edge" where the interval spans 0,
    "divergence" below 0. "undefined" for NaN.

    Args:
        i: I, best as the Estimate of `intelligence`, whose interval and d_H then count.
        d_h: sets the cap 1/d_H; default that of the Estimate, else 2.

    Raises:
        EstimatorError: unknown method.
    """
    _check_method(method)
    value, low, high = _span(i)
    if math.isnan(value):
        return "undefined"
    if method == "literal":
        if value < 0:
            return "divergence"
        return "healthy" if value > 0.5 else "transition" if value >= 0.1 else "stagnation"
    if low < 0 < high or (value == 0 and not low < high):
        return "edge"
    # No signal (p = 0) at a margin that is known to be positive is not the edge of stability.
    if value < 0 or (value == 0 and low < 0):
        return "divergence"
    known = i.details.get("d_h", 2.0) if isinstance(i, Estimate) else 2.0
    return "healthy" if value * (known if d_h is None else d_h) > HEALTHY_SHARE else "stagnation"
