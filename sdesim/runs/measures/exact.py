"""Readings without draws take the place of sampled ones wherever a probe knew μ, or μ and Σ.

C = |μ|²/Tr Σ then carries no interval of its own (its ends are the value), C* and the drift that of Tr HΣ,
and the phase is the sign of |μ|² − (η/2)(μᵀHμ + Tr HΣ), in which Tr Σ has no part. Each place says which it
is: "exact"; "full-gradient", μ known and the rest from draws about it; "sampled".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from sdesim.estimate import AnyEstimate, Estimate
from sdesim.estimators import (
    at_batch_size,
    critical_consolidation,
    critical_signal,
    lyapunov_drift,
    per_example,
    probability,
)
from sdesim.runs.measured import Column, Mask

Array = NDArray[np.float64]
EXACT, FULL, SAMPLED = "exact", "full-gradient", "sampled"
# Less noise than this share of |μ|² is rounding.
ROUNDING = 1e-14
_GROUP = ("trajectory", "probe", "group")
# Flags that speak of the draws of μ, and of those of Σ.
OF_MEAN = ("negative_signal", "delta_interval")
OF_TRACE = ("too_few_samples", "heavy_tail_variance_undefined", "few_effective_draws")


class Exact:
    """The exact part of a run.

    Attributes:
        known: (trajectory, probe), where there is one. bends: where it has the Hessian too.
        method: a word each.
    """

    def __init__(self, run: xr.Dataset, level: float, batch: float, probed: float) -> None:
        self.level, self._batch, self._probed = level, batch, probed
        self.ratio = batch / probed if probed else 1.0
        self.signal, self.noise, error, draws = (
            _values(run, name) for name in ("exact_signal", "exact_noise", "exact_noise_error", "exact_draws")
        )
        self.known = ~np.isnan(self.signal) & ~np.isnan(self.noise)
        self._quantile = quantile(draws, level)
        self._noise_half = np.where(error > 0, self._quantile * error, 0.0)
        self.method = np.where(~self.known, SAMPLED, np.where(error > 0, FULL, EXACT))
        self.eta = _values(run, "step_size")
        self.bent, self.trace = (
            _values(run, f"exact_hessian_{part}", self.signal.shape) for part in ("signal", "noise")
        )
        spread = _values(run, "exact_hessian_noise_error", self.signal.shape)
        self._trace_half = np.where(spread > 0, self._quantile * spread, 0.0)
        self.bends = self.known & ~np.isnan(self.trace)

    @property
    def still(self) -> Mask:
        """Where there is no noise but rounding."""
        return self.known & (self.noise <= ROUNDING * self.signal)

    def _estimate(self, value: Array, low: Array, high: Array) -> AnyEstimate:
        made: AnyEstimate = Estimate(value, low, high, self.level, "exact", 1, {})
        return made

    def _signal(self) -> AnyEstimate:
        return self._estimate(self.signal, self.signal, self.signal)

    def _noise(self) -> AnyEstimate:
        """Tr Σ of the training batch."""
        low, high = np.maximum(self.noise - self._noise_half, 0.0), self.noise + self._noise_half
        return self._estimate(*(x / self.ratio for x in (self.noise, low, high)))

    def _trace(self) -> AnyEstimate:
        """Tr HΣ of the training batch."""
        ends = self.trace, self.trace - self._trace_half, self.trace + self._trace_half
        return self._estimate(*(x / self.ratio for x in ends))

    def consolidation(self, columns: dict[str, Column]) -> dict[str, Column]:
        """The columns of `gradient.consolidation`, exact where that is known."""
        t = self._noise()
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = [np.where(self.still, np.inf, self.signal / x) for x in (t.value, t.high, t.low)]
        # Nothing at all moves, or nothing but the mean: no ratio, and one without an interval.
        nothing = self.known & (self.signal == 0) & (self.noise == 0)
        value, low, high = (np.where(nothing, np.nan, x) for x in ends)
        low, high = (np.where(self.still, np.nan, x) for x in (low, high))
        c = self._estimate(value, low, high)
        flags = {"zero_noise": self.still & ~nothing, "interpolated": nothing}
        one = c
        if self._probed and self.ratio != 1.0:
            one = at_batch_size(c, self._batch, self._probed)
        first = per_example(one, self._probed) if self._probed else c.mapped(lambda x: x * np.nan)
        exact = {
            "signal": self._signal(), "noise": t, "C_alpha": c, "odds": c, "p": probability(c), "C_1": first,
        }  # fmt: skip
        return columns | {
            name: self._merged(columns[name], e, flags if name not in ("signal", "noise") else {})
            for name, e in exact.items()
        }

    def drift(self, columns: dict[str, Column]) -> dict[str, Column]:
        """C* and the drift of a step −η g."""
        star = critical_consolidation(self.eta, self.bent, self._trace(), self._noise(), noiseless=self.still)
        curved = self._trace().mapped(lambda x: 0.5 * self.eta * x)
        found = lyapunov_drift(None, self.noise, "generator", curved, grad_norm2=self._signal())
        exact = {"C_star": star, "lyapunov_drift": found}
        flags = {"zero_noise": self.still}
        return {
            name: self._merged(column, exact[name], flags, self.bends)
            for name, column in columns.items() if name in exact
        }  # fmt: skip

    def phase(self) -> NDArray[np.str_]:
        """The sign of |μ|² − (η/2)(μᵀHμ + Tr HΣ): a step lowers the loss, raises it, or it can't be told."""
        trace = self._trace()
        low, high = (critical_signal(self.eta, self.bent, x) for x in (trace.low, trace.high))
        words = np.where(
            self.signal > high, "generalization", np.where(self.signal < low, "exploration", "transition")
        )
        return np.where(self.bends, words, "undefined")

    def _merged(
        self, column: Column, exact: AnyEstimate, flags: dict[str, Mask], where: Mask | None = None
    ) -> Column:
        known = self.known if where is None else where
        gone = dict.fromkeys(OF_MEAN, known) | dict.fromkeys(OF_TRACE, known & (self.method == EXACT))
        return merged(column, exact, known, self.method, flags, gone)

    def groups(self, run: xr.Dataset, column: Column) -> Column:
        """C of each parameter group, exact where that is known."""
        if "exact_group_signal" not in run:
            return column
        signal, noise, error = (
            np.asarray(run.variables[f"exact_group_{part}"].transpose(*_GROUP).values, np.float64)
            for part in ("signal", "noise", "noise_error")
        )
        known = ~np.isnan(signal) & ~np.isnan(noise)
        half = np.where(error > 0, self._quantile[..., None] * error, 0.0)
        still = known & (noise <= ROUNDING * signal)
        nothing = known & (signal == 0) & (noise == 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = (noise, noise + half, np.maximum(noise - half, 0.0))
            value, low, high = (np.where(still, np.inf, signal * self.ratio / x) for x in ends)
        value = np.where(nothing, np.nan, value)
        low, high = (np.where(still, np.nan, x) for x in (low, high))
        method = np.where(error > 0, FULL, EXACT)
        gone = dict.fromkeys(OF_MEAN, known) | dict.fromkeys(OF_TRACE, known & (method == EXACT))
        flags = {"zero_noise": still & ~nothing, "interpolated": nothing}
        return merged(column, self._estimate(value, low, high), known, method, flags, gone)


def merged(
    column: Column, found: AnyEstimate, known: Mask, method: NDArray[np.str_], flags: Mapping[str, Mask],
    gone: Mapping[str, Mask],
) -> Column:  # fmt: skip
    """A column whose values where known are those found, by a method each.

    Args:
        flags: that hold where known, in place of its own. gone: its own that are taken away.
    """
    e: Any = column.estimate
    ends = {
        name: np.where(known, getattr(found, name), getattr(e, name)) for name in ("value", "low", "high")
    }
    kept = dict(e.flags)
    kept |= {name: kept[name] & ~where for name, where in gone.items() if name in kept}
    for name, mask in flags.items():
        kept[name] = np.where(known, mask, kept.get(name, np.zeros(known.shape, dtype=bool)))
    sampled = np.full(known.shape, SAMPLED) if column.method is None else column.method
    how = np.where(np.isnan(ends["value"]), "", np.where(known, method, sampled))
    return replace(column, estimate=replace(e, **ends, flags=kept), method=how)


def as_precise(c: Column, star: Column | None, precision: float) -> Column:
    """C, flagged `precision_not_reached` where half its interval is above this share of max(C, C*)."""
    value = np.full(c.value.shape, np.nan) if star is None else star.value
    with np.errstate(invalid="ignore"):
        missed = _precision(c.value, c.low, c.high, value) > precision
    return replace(c, estimate=replace(c.estimate, flags={**c.flags, "precision_not_reached": missed}))


def reached_precision(run: xr.Dataset, measured: xr.Dataset) -> Array | None:
    """Half of C's interval over max(C, C*), of runs that ask for a precision."""
    if not run.attrs.get("precision") or "C_alpha" not in measured:
        return None
    c, low, high = (np.asarray(measured[f"C_alpha{end}"].values, np.float64) for end in ("", "_low", "_high"))
    known = "C_star" in measured
    star = np.asarray(measured["C_star"].values, np.float64) if known else np.full(c.shape, np.nan)
    with np.errstate(invalid="ignore"):
        return _precision(c, low, high, star)


def _precision(c: Array, low: Array, high: Array, star: Array) -> Array:
    return np.asarray(0.5 * (high - low) / np.fmax(np.abs(c), np.abs(star)))


def quantile(draws: ArrayLike, level: float) -> Array:
    """Student's of so many draws; the normal one of infinitely many."""
    freedom = np.clip(np.nan_to_num(np.asarray(draws, dtype=np.float64), nan=2.0, posinf=1e9) - 1, 1, 1e9)
    return np.asarray(stdtrit(freedom, 0.5 + level / 2))


def exact_of(run: xr.Dataset, level: float, batch: float, probed: float) -> Exact | None:
    """The exact part of a run, None where it has none."""
    return Exact(run, level, batch, probed) if "exact_signal" in run and "exact_noise" in run else None


def _values(run: xr.Dataset, name: str, shape: tuple[int, ...] | None = None) -> Array:
    if name not in run:
        assert shape is not None
        return np.full(shape, np.nan)
    return np.asarray(run.variables[name].transpose("trajectory", "probe").values, np.float64)
