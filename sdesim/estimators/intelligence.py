"""The index I = p·S/d_H (§6), literal and with a sign that means what its table says.

A heuristic index, not a law: it is linear in S, so its maximum lies at the largest margin and not at
the edge of stability as §9.4 says.
"""

from __future__ import annotations

import math
from itertools import product

from sdesim.errors import EstimatorError
from sdesim.estimators._estimate import Estimate

Number = float | Estimate


def _span(x: Number) -> tuple[float, float, float]:
    if isinstance(x, Estimate):
        return x.value, x.low, x.high
    return float(x), float(x), float(x)


def intelligence(p: Number, s: Number, d_h: Number, method: str = "corrected") -> Estimate:
    """I from p, the margin S and the dimension d_H.

    corrected: p·(S_norm/2)/d_H with the normalised S: positive stable, 0 at the edge, negative
    unstable, at most 1/d_H. literal: p·S/d_H (§6) with whatever S is given. The interval is the hull
    over the corners of the inputs' intervals (conservative: joint coverage at least Σ levels − 2).

    Raises:
        EstimatorError: unknown method, d_H not positive.
    """
    if method not in ("corrected", "literal"):
        raise EstimatorError(f"method must be 'corrected' or 'literal', got {method!r}")
    spans = [_span(p), _span(s), _span(d_h)]
    if spans[2][0] <= 0:
        raise EstimatorError(f"d_h must be positive, got {spans[2][0]}")
    half = 0.5 if method == "corrected" else 1.0

    def index(a: float, b: float, c: float) -> float:
        return a * b * half / c

    flags = tuple(dict.fromkeys(f for x in (p, s, d_h) if isinstance(x, Estimate) for f in x.flags))
    flags = tuple(f for f in flags if f != "no_interval")
    corners = [index(a, b, max(c, 1e-12)) for a, b, c in product(*(x[1:] for x in spans))]
    low, high = (min(corners), max(corners)) if all(map(math.isfinite, corners)) else (math.nan, math.nan)
    if math.isnan(low):
        flags = (*flags, "no_interval")
    levels = [x.level for x in (p, s, d_h) if isinstance(x, Estimate)]
    sizes = [x.n for x in (p, s, d_h) if isinstance(x, Estimate)]
    return Estimate(
        index(*(x[0] for x in spans)), low, high, min(levels, default=0.95), method, min(sizes, default=1),
        (*flags, "heuristic"),
    )  # fmt: skip


def intelligence_state(i: Number, method: str = "corrected", d_h: float = 2.0) -> str:
    """The word for a value of I.

    literal bands (§6.3): > 0.5 "healthy", 0.1–0.5 "transition", 0–0.1 "stagnation", < 0 "divergence".
    corrected bands, as fractions of the cap 1/d_H: > 0.25 "healthy", below "stagnation", "edge" when the
    interval spans 0, "divergence" below 0.

    Raises:
        EstimatorError: unknown method.
    """
    value, low, high = _span(i)
    if math.isnan(value):
        return "undefined"
    if method == "literal":
        if value < 0:
            return "divergence"
        return "healthy" if value > 0.5 else "transition" if value >= 0.1 else "stagnation"
    if method != "corrected":
        raise EstimatorError(f"method must be 'corrected' or 'literal', got {method!r}")
    if low < 0 < high or value == 0:
        return "edge"
    if value < 0:
        return "divergence"
    return "healthy" if value * d_h > 0.25 else "stagnation"
