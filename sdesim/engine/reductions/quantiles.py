"""Values below which given shares of the trajectories lie."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.reductions.base import (
    Array,
    Base,
    Coordinate,
    Every,
    Problem,
    ReductionKernel,
    Setting,
    Variable,
)
from sdesim.engine.reductions.histogram import check_bins, count_params, counts_kernel
from sdesim.kinds import Misfit, Numbers, kind

# Bins of one octave, and the octaves: from 2^−32 to 2^32, and one bin around 0.
_PER_OCTAVE, _OCTAVES = 64, 32
_SHIFT = 52 - 6
_BIAS = 1023
_SIDE = 2 * _OCTAVES * _PER_OCTAVE
_BINS = 4096
# Half the length of a 95% interval in standard deviations.
_Z = 1.959963984540054


@kind("reductions", "quantiles")
@dataclass(frozen=True)
class Quantiles(Base):
    """Quantiles of every coordinate, out of counts in fixed bins.

    ``quantile(q, step, param)``, along a line within its bin; ``quantile_resolution`` is the bin's width,
    which no error exceeds; ``quantile_low`` and ``quantile_high`` are the 95% interval of the order
    statistics q n ± 1.96 √(n q (1 − q)), widened to the edges of their bins, without end (±∞) where that lies
    beyond the bins or the sample. Where the quantile itself lies beyond the bins it is NaN, and
    ``quantile_outside`` is set.

    Without low and high there are 64 bins for every octave from 2⁻³² to 2³² of either sign, and one around 0:
    a resolution of 1/64 of the value. A distribution that is narrow and far from 0 needs low and high.
    ``attrs["quantile_bins"]`` says which.

    Args:
        q: a share or several, between 0 and 1.
        low: where the first bin begins.
        high: where the last bin ends.
        bins: how many of equal width from low to high.
        every: at saved steps, or at every step, then along ``every_step``.

    Raises:
        Misfit: shares that are none or do not increase, or bins that are none.

    Source: H. A. David & H. N. Nagaraja, Order Statistics (2003) §7.1 (intervals).

    Example:
        {kind: quantiles, q: [0.05, 0.5, 0.95]}
    """

    q: Annotated[Any, Numbers(0, 1)]
    low: float | None = None
    high: float | None = None
    bins: int = _BINS
    every: Every = "saved"

    def __post_init__(self) -> None:
        shares = self.shares
        wrong = shares[(shares <= 0.0) | (shares >= 1.0)]
        if len(wrong):
            raise Misfit("q", f"found {wrong[0]:g}, allowed: numbers above 0 and below 1")
        if not (np.diff(shares) > 0).all():
            raise Misfit("q", "found shares that do not increase, allowed: increasing ones")
        if self.low is None and self.high is None:
            if self.bins != _BINS:
                raise Misfit("bins", f"found {self.bins} without low and high, allowed: with both")
            return
        check_bins(self.bins, self.low, self.high)

    @property
    def shares(self) -> Array:
        """q (Q,)."""
        return np.atleast_1d(np.asarray(self.q, dtype=np.float64))

    @property
    def needed(self) -> int:
        """So many that one lies on either side of every quantile."""
        return int(np.ceil(1.0 / np.minimum(self.shares, 1.0 - self.shares).min() - 1e-9))

    @property
    def merges(self) -> bool:
        """False: the counts are not kept."""
        return False

    @property
    def edges(self) -> Array:
        """Edges of the bins (B + 1,)."""
        if self.low is not None and self.high is not None:
            return np.linspace(self.low, self.high, self.bins + 1)
        places = np.arange(_SIDE + 1)
        mantissa = 1.0 + (places % _PER_OCTAVE) / _PER_OCTAVE
        side = np.ldexp(mantissa, places // _PER_OCTAVE - _OCTAVES)
        return np.concatenate([-side[::-1], side])

    def width(self, dim: int) -> int:
        """Bins, below and above, of every coordinate."""
        return (len(self.edges) + 1) * dim

    def params(self, dim: int) -> Array:
        """As of the function that counts."""
        if self.low is not None:
            return count_params(self.edges, equal=True)
        return np.array([_SIDE, _SHIFT, (_BIAS - _OCTAVES) * _PER_OCTAVE], dtype=np.float64)

    def kernel(self) -> ReductionKernel:
        """The compiled side."""
        return counts_kernel("take_counts" if self.low is not None else "take_octave_counts")

    def settled_width(self, dim: int) -> int:
        """Value, interval and resolution of each share and coordinate."""
        return 4 * len(self.shares) * dim

    def settle(self, sums: Array, dim: int) -> Array:
        """(C, V) → (C, 4 Q d): value, low, high, resolution."""
        edges = np.concatenate([[-np.inf], self.edges, [np.inf]])
        counts = sums.reshape(len(sums), dim, -1)
        below = np.cumsum(counts, axis=2)
        n = below[:, :, -1]
        found = np.full((len(sums), 4, len(self.shares), dim), np.nan)
        for i, q in enumerate(self.shares):
            place = _bin_of(below, q * n)
            before = _at(below, place) - _at(counts, place)
            start, end = edges[place], edges[place + 1]
            with np.errstate(all="ignore"):
                value = start + (q * n - before) / _at(counts, place) * (end - start)
            spread = _Z * np.sqrt(n * q * (1.0 - q))
            least, most = q * n - spread, q * n + spread
            inside = np.isfinite(start) & np.isfinite(end) & (n > 0)
            found[:, 0, i] = np.where(inside, value, np.nan)
            found[:, 1, i] = np.where(least > 0.0, edges[_bin_of(below, np.maximum(least, 0.0))], -np.inf)
            found[:, 2, i] = np.where(most < n, edges[_bin_of(below, np.minimum(most, n)) + 1], np.inf)
            found[:, 3, i] = np.where(inside, end - start, np.inf)
            found[:, 1:, i][np.broadcast_to(n[:, None] == 0, (len(sums), 3, dim))] = np.nan
        return found.reshape(len(sums), -1)

    def variables(self, setting: Setting) -> Mapping[str, Variable]:
        """Values, intervals, resolutions, and which lie outside."""
        dims = ("q", "step", "param")
        return {
            "quantile": Variable(dims, "parameter", "quantile of the parameter"),
            "quantile_low": Variable(dims, "parameter", "lower end of the 95% interval of quantile"),
            "quantile_high": Variable(dims, "parameter", "upper end of the 95% interval of quantile"),
            "quantile_resolution": Variable(dims, "parameter", "width of the bin that quantile lies in"),
            "quantile_outside": Variable(dims, "1", "whether quantile lies beyond the bins", "bool"),
        }

    def coordinates(self, setting: Setting) -> Mapping[str, Coordinate]:
        """The shares."""
        return {"q": ("q", self.shares, "1", "share of the trajectories below")}

    def attributes(self, setting: Setting) -> Mapping[str, Any]:
        """Which bins."""
        if self.low is not None and self.high is not None:
            width = (self.high - self.low) / self.bins
            return {"quantile_bins": f"{self.bins} bins of {width:g} from {self.low:g} to {self.high:g}"}
        return {
            "quantile_bins": f"{_PER_OCTAVE} bins an octave from 2^-{_OCTAVES} to 2^{_OCTAVES}, both signs"
        }

    def results(self, settled: Array, setting: Setting) -> Mapping[str, NDArray[Any]]:
        """What was settled, by name."""
        parts = settled.reshape(len(settled), 4, len(self.shares), setting.dim)
        value, low, high, width = np.moveaxis(parts, (1, 2), (0, 1))
        return {
            "quantile": value,
            "quantile_low": low,
            "quantile_high": high,
            "quantile_resolution": width,
            "quantile_outside": np.isinf(width),
        }

    def misfits(self, setting: Setting) -> Iterator[Problem]:
        """Too few trajectories."""
        for path, text in super().misfits(setting):
            yield ("q", *path), text


def _bin_of(below: Array, rank: Array) -> NDArray[np.intp]:
    """The first bin (C, d) up to which at least ``rank`` (C, d) lie, and at least one."""
    wanted = np.maximum(rank, 0.5)[:, :, None]
    return np.asarray(np.argmax(below >= wanted, axis=2))


def _at(counts: Array, place: NDArray[np.intp]) -> Array:
    return np.take_along_axis(counts, place[:, :, None], axis=2)[:, :, 0]
