"""C of layers and sub-networks: the same sums restricted to some coordinates.

C of the whole is Σ M_S/Σ T_S over groups S, not a mean of the C_S.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import EstimatorError
from sdesim.estimate import AnyEstimate, Estimate
from sdesim.estimators.core.draws import (
    Draws,
    check_level,
    debiased,
    draws_of_gradients,
    jackknife,
    matrix,
    noise_masks,
    student,
    where_known,
)
from sdesim.estimators.core.places import each, made
from sdesim.kinds.spelling import short
from sdesim.support import DEBIASED


def _estimate(draws: Draws, level: float) -> AnyEstimate:
    n, signal, trace = draws.n, np.asarray(draws.signal), draws.trace
    masks = noise_masks(signal, trace, n, draws.rounding)
    value, low, high = where_known(masks, *jackknife(draws, level))
    low, high = DEBIASED.cut(low, high)
    masks |= {"negative_signal": value < 0, "no_interval": np.isnan(low)}
    details = {"signal": np.asarray(signal - trace / n), "noise": trace}
    # A plain Estimate without a ratio has nothing to tell of its parts.
    known = details if signal.ndim or np.isfinite(value) else {}
    return made(value, low, high, level, "debiased", np.broadcast_to(n, signal.shape), masks, known)


def group_consolidation(
    gradients: ArrayLike, groups: Mapping[str, slice | ArrayLike], level: float = 0.95
) -> dict[str, AnyEstimate]:
    """Debiased C of each group of coordinates, and of all groups together under "total".

    Args:
        gradients: (n, d), or (..., n, d) at many θ.
        groups: name → slice, indices or mask (d,) of its coordinates; a name "total" is taken.

    Returns:
        Estimates as from `consolidation_ratio` of these columns (`signal`, `noise` in details: the totals
        are their sums).

    Raises:
        EstimatorError: no group, an empty one, one named "total", or coordinates out of range.
    """
    check_level(level)
    g = matrix(gradients, leading=True)
    if not groups or "total" in groups:
        raise EstimatorError("groups must be named, at least one, and not 'total'")
    parts = {name: draws_of_gradients(_columns(g, name, which)) for name, which in groups.items()}
    total, *rest = parts.values()
    for part in rest:
        total = total + part
    return {
        **{name: _estimate(part, level) for name, part in parts.items()},
        "total": _estimate(total, level),
    }


def _columns(g: NDArray[np.floating], name: str, which: Any) -> NDArray[np.floating]:
    try:
        block = g[..., which if isinstance(which, slice) else np.asarray(which)]
    except IndexError as error:
        raise EstimatorError(f"group {name!r} doesn't fit {g.shape[-1]} coordinates") from error
    if block.ndim != g.ndim or block.shape[-1] == 0:
        raise EstimatorError(f"group {name!r} has no coordinates")
    return np.asarray(block)


def subnetwork_gain(
    gradients: ArrayLike, which: slice | ArrayLike, method: str = "corrected", d_h: float | None = None,
    level: float = 0.95,
) -> AnyEstimate:  # fmt: skip
    """C_S/C of a sub-network S against the whole, from gradients (n, d) or (..., n, d).

    corrected: (M_S/M)(T/T_S), with a jackknife interval (measured coverage of 95%: 0.94 to 0.97 for n = 20 to
    1,000 at C = 0.3 and 2), of use where C is well away from 0 (flag `signal_not_separated` where M is
    within its own error of 0). literal (§9.3): (d/d_H)(|ḡ|²/|ḡ_S|²), in
    which the share of the signal stands upside down and d_H for the share of the noise: 111 instead of 6
    for white noise with 60% of the signal on 10% of the coordinates and d_H = 1.5.

    Raises:
        EstimatorError: unknown method; literal without d_h; coordinates out of range.
    """
    check_level(level)
    g = matrix(gradients, rows=3, leading=True)
    if g.ndim > 2:
        return each(g, 2, lambda one: subnetwork_gain(one, which, method, d_h, level))
    n, d = g.shape
    whole, part = draws_of_gradients(g), draws_of_gradients(_columns(g, "which", which))
    if method == "literal":
        if d_h is None:
            raise EstimatorError("the literal form needs d_h")
        value = d / d_h * float(whole.signal / part.signal)
        return Estimate(value, math.nan, math.nan, level, method, n, ("no_interval",))
    if method != "corrected":
        raise EstimatorError(f"method must be 'corrected' or 'literal', got {short(method)}")
    c, least, _ = (float(x) for x in jackknife(whole, level))
    value = float(debiased(part.signal, part.trace, n, 1.0)) / c
    with np.errstate(divide="ignore", invalid="ignore"):
        left = debiased(*part.left_out(), n - 1, 1.0) / debiased(*whole.left_out(), n - 1, 1.0)
    half = student(level, n - 1) * math.sqrt((n - 1) / n * float(((left - left.mean()) ** 2).sum()))
    flags = ("signal_not_separated",) if not least > 0 else ()
    low, high = (float(x) for x in DEBIASED.interval(value, half))
    return Estimate(value, low, high, level, method, n, flags)
