"""Readings that drew on until C was as precise as asked take the place of those of a fixed number."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdesim.estimate import AnyEstimate, Estimate
from sdesim.estimators import (
    at_batch_size,
    critical_consolidation,
    lyapunov_drift,
    per_example,
    probability,
)
from sdesim.estimators.consolidation.grouped import ratio_ends
from sdesim.runs.measured import Column, Mask
from sdesim.runs.measures.exact import ROUNDING, merged, quantile

Array = NDArray[np.float64]
SEQUENTIAL = "sequential"
# Flags of the draws that there were at first.
_OF_DRAWS = ("negative_signal", "delta_interval", "too_few_samples", "zero_noise")


class Drawn:
    """The part of a run that drew on.

    Attributes:
        known: (trajectory, probe), where there is one. bends: where it has the Hessian too.
    """

    def __init__(self, run: xr.Dataset, level: float, batch: float, probed: float) -> None:
        self._run, self._level, self._batch, self._probed = run, level, batch, probed
        self._factor = batch / probed if probed else 1.0
        self._ratio, self._groups = self._read("drawn_ratio"), self._read("drawn_groups")
        # Without noise there is no ratio, and the draws that there were say so.
        moving = self._read("drawn_noise") > ROUNDING * np.abs(self._read("drawn_signal"))
        self.known = ~np.isnan(self._ratio) & moving
        bent = "drawn_hessian_noise" in run
        self.bends = self.known & ~np.isnan(self._read("drawn_hessian_noise")) if bent else self.known & False

    def _read(self, name: str) -> Array:
        found = self._run.variables[name].transpose("trajectory", "probe")
        return np.asarray(found.values, dtype=np.float64)

    def _interval(self, name: str, draws: Array, factor: float = 1.0) -> AnyEstimate:
        value, half = self._read(name), quantile(draws, self._level) * self._read(f"{name}_error")
        made: AnyEstimate = Estimate(
            value / factor, (value - half) / factor, (value + half) / factor, self._level, SEQUENTIAL, 1, {}
        )
        return made

    def _noise(self) -> AnyEstimate:
        """Tr Σ of the training batch."""
        return self._interval("drawn_noise", self._groups, self._factor)

    def _one(self) -> AnyEstimate:
        """C of the probed batch."""
        error, rise = self._read("drawn_ratio_error"), self._read("drawn_ratio_rise")
        low, high = ratio_ends(self._ratio, error, rise, self._groups, self._level)
        made: AnyEstimate = Estimate(self._ratio, low, high, self._level, SEQUENTIAL, 1, {})
        return made

    def consolidation(self, columns: dict[str, Column]) -> dict[str, Column]:
        """The columns of `gradient.consolidation`, of all draws where there are more."""
        one = self._one()
        c = one
        if self._probed and self._factor != 1.0:
            c = at_batch_size(one, self._probed, self._batch)
        first = per_example(one, self._probed) if self._probed else one.mapped(lambda x: x * np.nan)
        found = {
            "signal": self._interval("drawn_signal", self._groups), "noise": self._noise(), "C_alpha": c,
            "odds": c, "p": probability(c), "C_1": first,
        }  # fmt: skip
        own = {"negative_signal": self.known & (self._ratio < 0)}
        return columns | {name: self._merged(columns[name], e, self.known, own) for name, e in found.items()}

    def drift(self, columns: dict[str, Column]) -> dict[str, Column]:
        """C* and the drift of a step −η g."""
        if not self.bends.any():
            return {}
        eta, bent = self._read("step_size"), self._read("drawn_hessian_signal")
        count = self._read("drawn_hessian_samples")
        curved = self._interval("drawn_hessian_noise", count, self._factor)
        draws = self._read("drawn_samples") / self._factor
        star = critical_consolidation(eta, bent, curved, self._noise(), draws)
        moved = curved.mapped(lambda x: 0.5 * eta * x)
        signal = self._interval("drawn_signal", self._groups)
        rate = lyapunov_drift(None, self._noise().value, "generator", moved, grad_norm2=signal)
        found = {"C_star": star, "lyapunov_drift": rate}
        return {
            name: self._merged(column, found[name], self.bends, {})
            for name, column in columns.items() if name in found
        }  # fmt: skip

    def _merged(self, column: Column, found: Any, known: Mask, flags: dict[str, Mask]) -> Column:
        gone = dict.fromkeys(_OF_DRAWS, known)
        how = np.full(known.shape, SEQUENTIAL)
        return merged(column, found, known, how, flags if "negative_signal" in column.flags else {}, gone)


def drawn_of(run: xr.Dataset, level: float, batch: float, probed: float) -> Drawn | None:
    """The part of a run that drew on, None where it has none."""
    return Drawn(run, level, batch, probed) if "drawn_ratio" in run else None
