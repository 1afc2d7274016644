"""A sample beside the stable law that was fitted to it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, ndtr, ndtri

from sdesim.errors import RunError
from sdesim.kinds.numbers import level_of
from sdesim.plots.look import LAW, SIMULATED
from sdesim.plots.style import GUIDE, finish, legend, log_ticks, panels
from sdesim.stable.fitting.result import StableFit

Array = NDArray[np.float64]
# Ordered values that are drawn: all of both ends, and some of the middle.
_ENDS, _MIDDLE = 40, 160
_TAIL_POINTS = 200
# Beyond so many scales an axis is logarithmic.
_LINEAR = 3.0


def stable_fit(data: StableFit, *, level: float = 0.95, axes: Any = None) -> Any:
    """Quantiles of a sample against those of the law fitted to it, and both of its tails.

    Left: the i-th of n ordered values over F⁻¹((i − ½)/n), both less the median of the law and over its
    scale. The band holds each by itself with probability `level`: F⁻¹ of the quantiles of Beta(i, n − i + 1),
    for the parameters as they are. Right: the shares of values above and below the median by more than r, on
    log axes, beside the law's.

    Args:
        data: from `sdesim.stable.fit`.
        level: of the band.
        axes: two axes to draw into.

    Returns:
        The Axes (2,).

    Raises:
        RunError: level outside (0, 1), another number of axes.

    Example:
        >>> sdesim.plots.stable_fit(sdesim.stable.fit(x))
    """
    level = level_of(level, error=RunError)
    with panels(axes, 2, (9.2, 3.6), columns=2) as (left, right):
        _quantiles(left, data, level)
        _tails(right, data)
        for ax in (left, right):
            legend(ax, ax)
        return np.array([left, right], dtype=object)


def _quantiles(ax: Any, data: StableFit, level: float) -> None:
    law, n = data.law, data.n
    middle, scale = float(law.median()), float(data.scale)

    def standard(x: Any) -> Array:
        return np.asarray((np.asarray(x) - middle) / scale)

    at = shown_places(n)
    x = standard(law.ppf((at + 0.5) / n))
    share = 0.5 * (1.0 - level)
    low, high = (standard(law.ppf(betaincinv(at + 1.0, n - at + 0.0, p))) for p in (share, 1.0 - share))
    ax.fill_between(x, low, high, color="#D9D9D9", linewidth=0, zorder=0, label=f"{level:.0%} of the law")
    ax.plot(x, x, **GUIDE)
    values = standard(data.sample[at])
    name = f"sample ({n:,})"
    ax.plot(x, values, "o", color=SIMULATED[0][0], markersize=3, linestyle="none", label=name)
    if max(float(np.abs(x).max()), float(np.abs(values).max())) > 4 * _LINEAR:
        ax.set_xscale("symlog", linthresh=_LINEAR)
        ax.set_yscale("symlog", linthresh=_LINEAR)
    finish(ax, "sample quantile, in scales", "quantile of the fitted law, in scales")


def _tails(ax: Any, data: StableFit) -> None:
    law, n = data.law, data.n
    middle = float(law.median())
    far = float(np.abs(data.sample - middle).max())
    r = np.geomspace(0.1 * float(data.scale), max(far, float(data.scale)), _TAIL_POINTS)
    sides = (("above", data.sample[::-1] - middle), ("below", middle - data.sample))
    laws = (law.sf(middle + r), law.cdf(middle - r))
    for k, ((name, gaps), tail) in enumerate(zip(sides, laws, strict=True)):
        colour = SIMULATED[k][0]
        # Descending: the i-th is passed by i of n.
        rank = np.unique(np.geomspace(1, n, _TAIL_POINTS).astype(np.int64))
        rank = rank[gaps[rank - 1] >= r[0]]
        ax.plot(gaps[rank - 1], rank / n, "os"[k], color=colour, markersize=3, linestyle="none", label=name)
        ax.plot(r, tail, **{**LAW, "linestyle": "-" if k == 0 else (0, (3, 2))}, label=f"law {name}")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(0.3 / n, 1.0)
    log_ticks(ax.xaxis, float(r[0]), float(r[-1]))
    log_ticks(ax.yaxis, 0.3 / n, 1.0)
    finish(ax, "share beyond, log axis", "distance from the median, log axis")


def shown_places(n: int) -> NDArray[np.int64]:
    """Places of the ordered values that are drawn, evenly over the normal quantiles, and both ends."""
    if n <= 2 * _ENDS + _MIDDLE:
        return np.arange(n)
    even = ndtr(np.linspace(ndtri(0.5 / n), -ndtri(0.5 / n), _MIDDLE)) * n - 0.5
    ends = np.arange(_ENDS)
    return np.unique(np.concatenate([ends, even.round().astype(np.int64), n - 1 - ends]))
