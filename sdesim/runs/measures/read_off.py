"""Quantities that are read off others: the critical batch, how near the edge is, and two gradients' angle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sdesim.estimate import AnyEstimate, Estimate

if TYPE_CHECKING:
    import xarray as xr

Array = NDArray[np.float64]
# Whether an interval leaves open on which side of its question a value lies.
UNRESOLVED = "unresolved"


def edge_ratio(run: xr.Dataset, measured: xr.Dataset) -> AnyEstimate | None:
    """λ/λ_crit = 1 − S/2, of the curvature as the optimizer meets it: 1 at the edge of stability."""
    margin = given(measured, "S")
    if margin is None:
        return None
    value, low, high, flags = margin
    return _made(1 - value / 2, 1 - high / 2, 1 - low / 2, measured, flags, threshold=1.0)


def critical_batch(run: xr.Dataset, measured: xr.Dataset) -> AnyEstimate | None:
    """1/C_1 = Tr Σ₁/|μ|², the batch at which signal and noise are alike; from Fieller's interval of C_1.

    Without an upper end where that interval holds 0, and NaN where C_1 itself is not positive.
    """
    ratio = given(measured, "C_1")
    if ratio is None:
        return None
    # The table of quantities, which reads this module, loads nothing that runs.
    from sdesim.estimators import critical_batch as inverted

    value, low, high, flags = ratio
    one: AnyEstimate = Estimate(value, low, high, float(measured.attrs["level"]), "read-off", 0, flags)
    return inverted(one)


def gradient_agreement(run: xr.Dataset, measured: xr.Dataset) -> AnyEstimate | None:
    """cos(∇L, ∇L_held-out) as a monitor read it, with Student's interval of its error."""
    from sdesim.runs.measures.exact import quantile

    if "gradient_agreement" not in run:
        return None
    value, error, count = (
        np.asarray(run[f"gradient_agreement{part}"].transpose("trajectory", "probe").values, dtype=np.float64)
        for part in ("", "_error", "_count")
    )
    half = quantile(count, float(measured.attrs["level"])) * error
    return _made(value, value - half, value + half, measured, {}, threshold=0.0)


def given(measured: xr.Dataset, name: str) -> tuple[Array, Array, Array, Mapping[str, Any]] | None:
    """Value, ends and masks of flags of a measured quantity."""
    if name not in measured:
        return None
    value, low, high = (
        np.asarray(measured[f"{name}{side}"].transpose("trajectory", "probe").values, dtype=np.float64)
        for side in ("", "_low", "_high")
    )
    texts = measured[f"{name}_flags"].transpose("trajectory", "probe").values
    words = {word for text in texts.ravel() for word in str(text).split(";") if word}
    flags = {
        word: np.array([word in str(text).split(";") for text in texts.ravel()]).reshape(texts.shape)
        for word in sorted(words)
    }
    return value, low, high, flags


def _made(
    value: Array, low: Array, high: Array, measured: xr.Dataset, flags: Mapping[str, Any], threshold: float
) -> AnyEstimate:
    open_ = np.isfinite(value) & ~((low > threshold) | (high < threshold))
    more: Any = {**flags, UNRESOLVED: open_}
    made: AnyEstimate = Estimate(value, low, high, float(measured.attrs["level"]), "read-off", 0, more)
    return made
