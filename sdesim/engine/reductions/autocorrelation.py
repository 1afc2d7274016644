"""Correlations of the parameters with themselves some steps before."""

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
    per_leaves,
)
from sdesim.kinds import Misfit, Numbers, kind

# Numbers of a lag and coordinate, as of `take_lagged`.
_SUMS = 13


@kind("reductions", "autocorrelation")
@dataclass(frozen=True)
class Autocorrelation(Base):
    """Correlation over trajectories of every coordinate with itself a lag before.

    ``autocorrelation(lag, step, param)`` is that of θ at a step with θ lag steps earlier, NaN where the run
    had not begun by then; ``autocovariance`` the covariance, over n − 1; ``autocorrelation_error`` the
    standard error by the delta method out of the spread between leaves of 64 trajectories, NaN where there
    are fewer than 8. The states of the longest lag are held, 8 d bytes a trajectory and step in between that
    is looked at. Under noise with a stable index below 2 there is no covariance: ``attrs["infinite_means"]``
    names both, and errors are NaN.

    Args:
        lags: in steps, one or several, multiples of those between saved steps.
        every: at saved steps, or at every step, then along ``every_step``.

    Raises:
        Misfit: lags that are not whole, or do not increase.

    Example:
        {kind: autocorrelation, lags: [10, 20, 50]}
    """

    lags: Annotated[Any, Numbers(0, 1)]
    every: Every = "saved"

    def __post_init__(self) -> None:
        lags = np.atleast_1d(self.lags)
        if not ((lags == np.floor(lags)) & (lags >= 1)).all():
            raise Misfit("lags", "found one that is no whole number of at least 1, allowed: numbers of steps")
        if not (np.diff(lags) > 0).all():
            raise Misfit("lags", "found lags that do not increase, allowed: increasing ones")

    @property
    def distances(self) -> tuple[int, ...]:
        """The lags."""
        return tuple(int(lag) for lag in np.atleast_1d(self.lags))

    @property
    def needed(self) -> int:
        """Two."""
        return 2

    def width(self, dim: int) -> int:
        """As of `take_lagged`."""
        return _SUMS * len(self.distances) * dim

    def kernel(self) -> ReductionKernel:
        """The compiled side."""
        return ReductionKernel("sdesim.engine.reductions.pairs_kernels", "take_lagged", "merge_lagged")

    def variables(self, setting: Setting) -> Mapping[str, Variable]:
        """The correlations with their errors, and the covariances."""
        dims = ("lag", "step", "param")
        return {
            "autocorrelation": Variable(dims, "1", "correlation over trajectories with a lag before"),
            "autocorrelation_error": Variable(dims, "1", "standard error of autocorrelation"),
            "autocovariance": Variable(dims, "parameter^2", "covariance over trajectories with a lag before"),
        }

    def coordinates(self, setting: Setting) -> Mapping[str, Coordinate]:
        """The lags."""
        return {"lag": ("lag", np.array(self.distances, dtype=np.int64), "step", "steps before")}

    def attributes(self, setting: Setting) -> Mapping[str, Any]:
        """That there is none under heavy tails."""
        return {} if setting.tail_index is None else {"infinite_means": ["autocorrelation", "autocovariance"]}

    def results(self, settled: Array, setting: Setting) -> Mapping[str, NDArray[Any]]:
        """Correlations (L, S, d)."""
        sums = settled.reshape(len(settled), len(self.distances), setting.dim, _SUMS)
        n, leaves, _, _, xx, xy, yy, xx2, xy2, yy2, xx_xy, xx_yy, xy_yy = np.moveaxis(sums, -1, 0)
        with np.errstate(all="ignore"):
            scale = np.sqrt(xx) * np.sqrt(yy)
            value = np.where((n > 1) & (scale > 0), xy / scale, np.nan)
            # Of a leaf: xy / scale − ρ/2 (xx / Σxx + yy / Σyy), whose sum over leaves is 0.
            half = 0.5 * value
            squares = xy2 / scale**2 + half**2 * (xx2 / xx**2 + yy2 / yy**2 + 2.0 * xx_yy / (xx * yy))
            squares -= 2.0 * half * (xx_xy / (scale * xx) + xy_yy / (scale * yy))
            error = per_leaves(squares, np.ones_like(squares), leaves)
            covariance = np.where(n > 1, xy / (n - 1.0), np.nan)
        if setting.tail_index is not None:
            error[:] = np.nan
        found = {"autocorrelation": value, "autocorrelation_error": error, "autocovariance": covariance}
        return {name: np.moveaxis(part, 1, 0) for name, part in found.items()}

    def misfits(self, setting: Setting) -> Iterator[Problem]:
        """Too few trajectories, lags that no two steps have between them, or that are no multiples."""
        yield from super().misfits(setting)
        if setting.saved is None or setting.steps is None:
            return
        saved = setting.saved
        apart = np.diff(saved[:-1]) if len(saved) > 2 else np.diff(saved)
        stride = 1 if self.every == "step" else int(np.gcd.reduce(apart)) if len(apart) else 0
        for place, lag in enumerate(self.distances):
            at = ("lags", place) if np.ndim(self.lags) else ("lags",)
            if stride == 0:
                yield at, f"found {lag}, allowed: none, for there is one saved step"
            elif lag > setting.steps:
                yield at, f"found {lag}, allowed: at most {setting.steps}, the steps of the run"
            elif lag % stride:
                yield at, f"found {lag}, allowed: multiples of {stride}, the steps between saved ones"
