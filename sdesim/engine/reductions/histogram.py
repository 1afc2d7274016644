"""How many trajectories lie in each of fixed bins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.reductions.base import (
    Array,
    Base,
    Coordinate,
    Every,
    ReductionKernel,
    Setting,
    Variable,
)
from sdesim.kinds import Misfit, Numbers, kind

MOST_BINS = 100_000


@kind("reductions", "histogram")
@dataclass(frozen=True)
class Histogram(Base):
    """Counts of the trajectories in fixed bins, of every coordinate.

    ``histogram(bin, step, param)`` over bins from ``bin_low`` to ``bin_high``, the upper edge of the last
    belonging to it; ``histogram_below`` and ``histogram_above(step, param)`` count those outside.
    Trajectories that have ended are in none: all together are ``live_count(step)``.

    Args:
        bins: how many of equal width from low to high; or their edges, which increase.
        low: where the first bin begins.
        high: where the last bin ends.
        every: at saved steps, or at every step, then along ``every_step``.

    Raises:
        Misfit: edges do not increase, or low and high are missing, or given beside edges.

    Example:
        {kind: histogram, bins: 50, low: -2.0, high: 2.0}
    """

    bins: Annotated[Any, Numbers(0, 1)]
    low: float | None = None
    high: float | None = None
    every: Every = "saved"

    def __post_init__(self) -> None:
        if np.ndim(self.bins):
            edges = np.asarray(self.bins)
            if len(edges) < 2 or not (np.diff(edges) > 0).all():
                raise Misfit("bins", "found edges that do not increase, allowed: two or more that do")
            given = [name for name in ("low", "high") if getattr(self, name) is not None]
            if given:
                raise Misfit(given[0], "found beside edges, allowed: none, or bins as a whole number")
            return
        check_bins(self.bins, self.low, self.high)

    @property
    def edges(self) -> Array:
        """Edges of the bins (B + 1,)."""
        if np.ndim(self.bins):
            return np.asarray(self.bins, dtype=np.float64)
        assert self.low is not None
        assert self.high is not None
        return np.linspace(self.low, self.high, int(self.bins) + 1)

    def width(self, dim: int) -> int:
        """Bins, below and above, of every coordinate."""
        return (len(self.edges) + 1) * dim

    def params(self, dim: int) -> Array:
        """As of `take_counts`."""
        return count_params(self.edges, equal=not np.ndim(self.bins))

    def kernel(self) -> ReductionKernel:
        """The compiled side."""
        return counts_kernel("take_counts")

    def variables(self, setting: Setting) -> Mapping[str, Variable]:
        """The counts."""
        path = ("step", "param")
        return {
            "histogram": Variable(("bin", *path), "1", "trajectories in each bin", "int64"),
            "histogram_below": Variable(path, "1", "trajectories below the first bin", "int64"),
            "histogram_above": Variable(path, "1", "trajectories above the last bin", "int64"),
        }

    def coordinates(self, setting: Setting) -> Mapping[str, Coordinate]:
        """Middles and edges of the bins."""
        edges = self.edges
        return {
            "bin": ("bin", 0.5 * (edges[:-1] + edges[1:]), "parameter", "middle of the bin"),
            "bin_low": ("bin", edges[:-1], "parameter", "lower edge of the bin"),
            "bin_high": ("bin", edges[1:], "parameter", "upper edge of the bin"),
        }

    def results(self, settled: Array, setting: Setting) -> Mapping[str, NDArray[Any]]:
        """Counts of the rows (S, V)."""
        counts = settled.reshape(len(settled), setting.dim, -1).astype(np.int64)
        return {
            "histogram": np.moveaxis(counts[:, :, 1:-1], 2, 0),
            "histogram_below": counts[:, :, 0],
            "histogram_above": counts[:, :, -1],
        }


def counts_kernel(take: str) -> ReductionKernel:
    """The compiled side of counts that a function of `counts_kernels` makes."""
    return ReductionKernel("sdesim.engine.reductions.counts_kernels", take, exact=True)


def count_params(edges: Array, equal: bool) -> Array:
    """Edges as `take_counts` reads them."""
    scale = (len(edges) - 1) / (edges[-1] - edges[0]) if equal else 0.0
    return np.array([scale, *edges])


def check_bins(bins: Any, low: float | None, high: float | None) -> None:
    """Check bins of equal width.

    Raises:
        Misfit: naming the field.
    """
    if bins != int(bins) or not 1 <= bins <= MOST_BINS:
        raise Misfit("bins", f"found {bins:g}, allowed: a whole number from 1 to {MOST_BINS}, or edges")
    for name, value in (("low", low), ("high", high)):
        if value is None:
            raise Misfit(name, "missing")
    assert low is not None
    assert high is not None
    if not low < high:
        raise Misfit("high", f"found {high:g}, allowed: above low, {low:g}")
    if not (np.diff(np.linspace(low, high, int(bins) + 1)) > 0).all():
        raise Misfit("bins", f"found {bins:g}, allowed: so few that doubles tell their edges apart")
