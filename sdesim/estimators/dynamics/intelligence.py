"""The index I = p·S/d_H (§6), literal and with a sign that means what its table says.

In the source the sign is undecided: §6.1 calls S = 2η − λ_max < 0 stable, the table of §6.3 calls I < 0
divergence, and p ≥ 0, d_H > 0 leave the sign of I to S. Its code (§11.1) computes no S and no d_H: it sets
S = 0.1 and d_H = 1.5, so that its I is p/15 < 0.067, and every network is in "stagnation". The corrected
index is positive where the optimizer is stable and negative where it is not.

A heuristic index, not a law: it is linear in S, so its maximum lies at the largest margin and not at the
edge of stability as §9.4 says. Read the three numbers it is made of (`details`) before the product.
"""

from __future__ import annotations

from functools import reduce
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import EstimatorError
from sdesim.estimate import AnyEstimate, Estimate
from sdesim.estimators.core.places import Number, given, made, masks_of
from sdesim.kinds.spelling import short

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
METHODS = ("corrected", "literal")
# What the source's code puts for S and d_H (§11.1).
PLACEHOLDER_S = 0.1
PLACEHOLDER_D_H = 1.5
# Above this share of the cap 1/d_H the corrected index counts as healthy.
HEALTHY_SHARE = 0.25
_UNDEFINED = ("interpolated", "nonfinite")
_TINY = 1e-12


def _span(x: Number) -> tuple[Array, Array, Array]:
    """Value and ends; a number without an interval is exact."""
    e = given(x)
    ends = (e.low, e.high) if isinstance(x, Estimate) else (e.value, e.value)
    value, low, high = (np.asarray(v, dtype=np.float64) for v in (e.value, *ends))
    return value, low, high


def _check_method(method: str) -> None:
    if method not in METHODS:
        raise EstimatorError(f"method must be 'corrected' or 'literal', got {short(method)}")


def intelligence(
    p: Number, s: Number | None = None, d_h: Number | None = None, method: str = "corrected"
) -> AnyEstimate:
    """I from p, the margin S and the dimension d_H, each a number or (...,), with or without an interval.

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
    triples = [_span(x) for x in inputs]
    if np.any(triples[2][0] <= 0):
        raise EstimatorError(f"d_h must be positive, got {np.nanmin(triples[2][0])}")
    estimates = [x for x in inputs if isinstance(x, Estimate)]
    value = _index([t[0] for t in triples], method)
    corners = np.stack(
        [_index(list(c), method) for c in product(*(np.broadcast_arrays(*t)[1:] for t in triples))]
    )
    none: dict[str, Mask] = {}
    masks = reduce(_joined, map(masks_of, estimates), none)
    masks.pop("no_interval", None)
    masks |= {f: np.asarray(True) for f in extra}
    undefined = reduce(np.logical_or, (masks[f] for f in _UNDEFINED if f in masks), np.isnan(value))
    spread = ~undefined & np.isfinite(corners).all(axis=0)
    low, high = (np.where(spread, x, np.nan) for x in (corners.min(axis=0), corners.max(axis=0)))
    masks |= {"undefined": undefined, "no_interval": ~spread, "heuristic": np.asarray(True)}
    levels = [x.level for x in estimates]
    details: dict[str, Any] = {
        name: np.broadcast_to(t[0], value.shape) for name, t in zip(("p", "s", "d_h"), triples, strict=True)
    }
    details["joint_level"] = max(0.0, 1 - sum(1 - x for x in levels))
    n = reduce(np.minimum, (np.asarray(x.n) for x in estimates)) if estimates else np.asarray(1)
    raised = {f: np.broadcast_to(m, value.shape) for f, m in masks.items()}
    return made(np.where(undefined, np.nan, value), low, high, min(levels, default=0.95), method,
                np.broadcast_to(n, value.shape), raised, details)  # fmt: skip


def _joined(one: dict[str, Mask], other: dict[str, Mask]) -> dict[str, Mask]:
    """Flags of both, each raised where either raises it."""
    return one | {f: one[f] | m if f in one else m for f, m in other.items()}


def _index(triple: list[Array], method: str) -> Array:
    p, s, d_h = triple[0], triple[1], np.maximum(triple[2], _TINY)
    with np.errstate(invalid="ignore", over="ignore"):
        if method == "literal":
            return np.asarray(p * s / d_h)
        return np.asarray(np.maximum(p, 0.0) * np.minimum(s, 2.0) / 2 / d_h)


def intelligence_state(i: Number, method: str = "corrected", d_h: Number | None = None) -> Any:
    """The word for a value of I.

    literal bands (§6.3): > 0.5 "healthy", 0.1–0.5 "transition", 0–0.1 "stagnation", < 0 "divergence". At
    d_H = 2 the corrected index, at most 1/d_H, never leaves the last two of them, hence its own bands, as
    fractions of that cap: > 0.25 "healthy", below "stagnation", "edge" where the interval spans 0,
    "divergence" below 0. "undefined" for NaN.

    Args:
        i: I, best as the Estimate of `intelligence`, whose interval and d_H then count; a number or (...,).
        d_h: sets the cap 1/d_H; default that of the Estimate, else 2.

    Returns:
        One word, or an array (...,) of them.

    Raises:
        EstimatorError: unknown method.
    """
    _check_method(method)
    value, low, high = _span(i)
    if method == "literal":
        word = np.select([np.isnan(value), value < 0, value > 0.5, value >= 0.1],
                         ["undefined", "divergence", "healthy", "transition"], "stagnation")  # fmt: skip
    else:
        known = i.details.get("d_h", 2.0) if isinstance(i, Estimate) else 2.0
        cap = np.asarray(known if d_h is None else given(d_h).value)
        edge = ((low < 0) & (high > 0)) | ((value == 0) & ~(low < high))
        # No signal (p = 0) at a margin that is known to be positive is not the edge of stability.
        down = (value < 0) | ((value == 0) & (low < 0))
        word = np.select([np.isnan(value), edge, down, value * cap > HEALTHY_SHARE],
                         ["undefined", "edge", "divergence", "healthy"], "stagnation")  # fmt: skip
    return np.asarray(word) if np.ndim(word) else str(word)
