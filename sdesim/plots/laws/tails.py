"""How heavy tails are: quantiles against those of a law, and Hill's estimate over the share of the tail."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from sdesim.errors import RunError
from sdesim.estimators.tails.hill import chosen_k, hill_curve
from sdesim.kinds.numbers import level_of
from sdesim.plots.arms import arm_views
from sdesim.plots.look import SERIES
from sdesim.plots.style import GUIDE, NothingToDraw, finish, guide, legend, log_ticks, one_panel

Array = NDArray[np.float64]
# Points drawn of one sample: all of both tails, and some of its middle.
_ENDS, _MIDDLE = 60, 200
_LEAST = 20
_LEAST_K = 10
_KS = 150


def qq(data: Any, law: Any = None, *, level: float = 0.95, ax: Any = None) -> Any:
    """Quantiles of standardised samples against those of a law; a tail that is heavier bends away from the
    diagonal.

    The i-th of n ordered samples stands over F⁻¹((i − ½)/n). Samples are centred at their median and scaled
    by their quartiles to the law's, so that a heavy tail does not scale itself away. The grey band is what
    independent samples of the law show that are as many and are standardised alike: between the smallest
    and largest of 39 drawn ones for 95%, point by point. It is that of the first of several samples.

    Args:
        data: samples (n,), several by name, or Runs with probes, of which the gradients' projections are
            taken, those of each probe and direction standardised by themselves.
        law: with ``ppf``, such as a frozen law of scipy; default the normal law.
        level: of the band.
        ax: axes to draw into.

    Returns:
        The Axes; beyond ±3 the axis of the samples is logarithmic where a tail goes far.

    Raises:
        NothingToDraw: fewer than 20 finite samples. RunError: level outside (0, 1).

    Example:
        >>> sdesim.plots.qq({"Gaussian": rng.standard_normal(4000), "α = 1.8": stable})
    """
    level = level_of(level, error=RunError)
    quantile = ndtri if law is None else law.ppf
    quarters = np.asarray(quantile(np.array([0.25, 0.5, 0.75])), dtype=np.float64)
    given = _sets(data)
    sets = {name: (_standardised(x, quarters), colour) for name, (x, colour) in given.items()}
    with one_panel(ax) as canvas:
        reach = _band(canvas, quantile, quarters, next(iter(given.values()))[0].shape, level)
        for k, (name, (x, colour)) in enumerate(sets.items()):
            n = len(x)
            at = _shown(n)
            canvas.plot(
                quantile((at + 0.5) / n), x[at], "osD^v"[k % 5], color=colour, markersize=3, linestyle="none",
                label=f"{name} ({n:,})",
            )  # fmt: skip
        far = max(float(np.abs(x).max()) for x, _ in sets.values())
        if far > 4 * reach:
            canvas.set_yscale("symlog", linthresh=3.0)
            decades = [10.0**k for k in range(1, math.floor(math.log10(far)) + 1)]
            ticks = [*(-d for d in reversed(decades)), -2.0, 0.0, 2.0, *decades]
            canvas.set_yticks(ticks, [f"{t:g}".replace("-", "−") for t in ticks])
            canvas.set_ylim(-1.5 * far, 1.5 * far)
        name = "Gaussian" if law is None else "law's"
        finish(canvas, "sample quantile, standardised", f"{name} quantile")
        legend(canvas, ax)
        return canvas


def hill(data: Any, *, level: float = 0.95, ax: Any = None) -> Any:
    """Hill's tail index over the number k of largest samples that it takes.

    α̂(k) = k/Σ_{i ≤ k} log(x₍ᵢ₎/x₍ₖ₊₁₎) of standardised |samples| in descending order, with the band
    α̂ (1 ± z/√k) of a Pareto tail. A tail that is one is flat over some range of k; a curve that keeps
    rising or falling has no index to read. The mark is the k that the data choose (`tail_index`, method
    "hill").

    Args:
        data: samples (n,), several by name, or Runs with probes, as of `qq`.
        level: of the band, for each k by itself.
        ax: axes to draw into.

    Returns:
        The Axes.

    Raises:
        NothingToDraw: fewer than 20 finite samples. RunError: level outside (0, 1).

    Example:
        >>> sdesim.plots.hill({"gradient noise": run})
    """
    level = level_of(level, error=RunError)
    z = float(ndtri(0.5 + level / 2))
    quarters = ndtri(np.array([0.25, 0.5, 0.75]))
    with one_panel(ax) as canvas:
        drawn, most = [], 0
        for name, (x, colour) in _sets(data).items():
            ordered = np.sort(np.abs(_standardised(x, quarters)))[::-1]
            last = max(_LEAST_K + 1, len(ordered) // 2)
            ks = np.unique(np.geomspace(_LEAST_K, last, _KS).round().astype(np.int64))
            ks = ks[ks < len(ordered)]
            alpha, k = hill_curve(ordered, ks), chosen_k(ordered)
            at_k = float(hill_curve(ordered, np.array([k]))[0])
            canvas.plot(ks, alpha, color=colour, label=f"{name}: {at_k:.3g} at k = {k}")
            canvas.fill_between(
                ks, alpha * (1 - z / np.sqrt(ks)), alpha * (1 + z / np.sqrt(ks)), color=colour, alpha=0.16,
                linewidth=0,
            )  # fmt: skip
            canvas.plot([k], [at_k], "o", color=colour, markersize=6)
            drawn.append(alpha[np.isfinite(alpha)])
            most = max(most, last)
        top = max(float(np.quantile(a, 0.95)) for a in drawn)
        canvas.set_ylim(0, 1.4 * max(top, 1.5))
        guide(canvas, 2.0, "2: the variance is finite above")
        canvas.set_xscale("log")
        log_ticks(canvas.xaxis, _LEAST_K, most)
        finish(canvas, "Hill's tail index α", "number of largest samples k, log axis")
        legend(canvas, ax)
        return canvas


def _sets(data: Any) -> dict[str, tuple[Array, str]]:
    """Samples (columns, n) and colour by name; of runs a column is a projection of gradients at a probe."""
    if isinstance(data, xr.Dataset):
        data = {str(data.attrs.get("name") or "run"): data}
    if not isinstance(data, Mapping):
        data = {"samples": data}
    runs = {name: x for name, x in data.items() if isinstance(x, xr.Dataset)}
    colours = {v.name: v.colour for v in arm_views(runs, {})}
    found = {}
    for k, (name, given) in enumerate(data.items()):
        if isinstance(given, xr.Dataset):
            x = _projections(given)
        else:
            x = np.asarray(given, dtype=np.float64).ravel()
            x = x[np.isfinite(x)][None]
        if x.size < _LEAST:
            raise NothingToDraw(f"{name}: found {x.size} finite samples, allowed: {_LEAST} and more")
        found[str(name)] = (x, colours.get(name, SERIES[k % len(SERIES)]))
    return found


def _projections(run: xr.Dataset) -> Array:
    """Gradients' projections (columns, n), a column for each trajectory, probe and direction."""
    if "gradient_projection" not in run:
        raise NothingToDraw("the run holds no projections of gradients: it was not probed")
    draws = run["gradient_projection"].transpose("trajectory", "probe", "direction", "sample").values
    columns = draws.reshape(-1, draws.shape[-1]).astype(np.float64)
    columns = columns[np.isfinite(columns).all(axis=1)]
    low, high = np.quantile(columns, [0.25, 0.75], axis=1)
    return np.asarray(columns[high > low])


def _standardised(x: Array, quarters: Array) -> Array:
    """All samples of (columns, n), sorted; each column has the law's median and distance of quartiles."""
    low, middle, high = np.quantile(x, [0.25, 0.5, 0.75], axis=1, keepdims=True)
    if not (high > low).all():
        raise NothingToDraw("half of the samples are the same number")
    return np.sort(((x - middle) / (high - low)).ravel() * (quarters[2] - quarters[0]) + quarters[1])


def _shown(n: int) -> NDArray[np.int64]:
    """Places of the ordered samples that are drawn: evenly over the normal quantiles, and both ends."""
    if n <= 2 * _ENDS + _MIDDLE:
        return np.arange(n)
    even = ndtr(np.linspace(ndtri(0.5 / n), -ndtri(0.5 / n), _MIDDLE)) * n - 0.5
    ends = np.arange(_ENDS)
    return np.unique(np.concatenate([ends, even.round().astype(np.int64), n - 1 - ends]))


def _band(ax: Any, quantile: Any, quarters: Array, shape: tuple[int, ...], level: float) -> float:
    """The diagonal and what ordered samples of the law show; the largest quantile."""
    n = math.prod(shape)
    at = _shown(n)
    x = np.asarray(quantile((at + 0.5) / n))
    rng = np.random.default_rng(0)
    # The least and largest of R hold the next one with probability 1 − 2/(R + 1).
    drawn = [
        _standardised(quantile(rng.random(shape)), quarters)[at]
        for _ in range(max(3, round(2 / (1 - level)) - 1))
    ]
    low, high = np.min(drawn, axis=0), np.max(drawn, axis=0)
    ax.fill_between(x, low, high, color="#D9D9D9", linewidth=0, zorder=0, label=f"{level:.0%} of the law")
    ax.plot(x, x, **GUIDE)
    return float(np.abs(x[[0, -1]]).max())
