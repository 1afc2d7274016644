"""Where trajectories are, beside the law of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.special import stdtrit

from sdesim.errors import RunError
from sdesim.plots.arms import ArmView, Data, views_of
from sdesim.plots.look import LAW
from sdesim.plots.style import NothingToDraw, finish, legend, one_panel

Array = NDArray[np.float64]
_POINTS = 400
# Parts of the samples beyond the axis at either end, which a heavy tail would else stretch without end.
_BEYOND = 0.002
_LEAST_TRAJECTORIES = 5
_GRID = 801


def gibbs(
    surface: Any, diffusion: float, low: float, high: float, coordinate: int = 0
) -> Callable[[Any], Array]:
    """The stationary law of dθ = −∇L dt + √(2D) dW, ρ(θ) ∝ exp(−L(θ)/D), of one coordinate.

    Args:
        surface: L, of one or two dimensions. diffusion: D > 0.
        low, high: ends between which all of its mass lies, as far as it matters, in both dimensions.
        coordinate: of θ.

    Returns:
        x (…) → ρ(x) (…), with integral 1 over [low, high] and 0 beyond.

    Raises:
        RunError: more than two dimensions, D ≤ 0, low ≥ high, no such coordinate, or mass that goes on
            beyond an end: there the density is still over a thousandth of its largest value.

    Example:
        >>> well = sdesim.surfaces.DoubleWell(barrier=0.25)
        >>> sdesim.plots.density(run, sdesim.plots.gibbs(well, 0.1, -3, 3))
    """
    if not (0 < diffusion < math.inf and low < high):
        raise RunError(
            f"gibbs needs a positive diffusion and low < high, got D = {diffusion}, [{low}, {high}]"
        )
    dim = int(surface.dim)
    if dim not in (1, 2) or not 0 <= coordinate < dim:
        raise RunError(f"gibbs integrates over one or two dimensions, got {dim} and coordinate {coordinate}")
    grid = np.linspace(low, high, _GRID)
    if dim == 1:
        exponent = -surface.loss(grid[:, None]) / diffusion
        mass = np.exp(exponent - exponent.max())
    else:
        x, y = np.meshgrid(grid, grid, indexing="ij")
        exponent = -surface.loss(np.stack([x, y], axis=-1)) / diffusion
        mass = np.trapezoid(np.exp(exponent - exponent.max()), grid, axis=1 - coordinate)
    if max(mass[0], mass[-1]) > 1e-3 * mass.max():
        raise RunError(f"gibbs: the law has mass beyond [{low:g}, {high:g}]: take wider ends")
    mass = mass / np.trapezoid(mass, grid)

    def law(x: Any) -> Array:
        return np.asarray(np.interp(np.asarray(x, dtype=np.float64), grid, mass, left=0.0, right=0.0))

    return law


def density(
    data: Data | NDArray[Any], law: Any = None, *, coordinate: int = 0, burn_in: float = 0.0,
    bins: int = 60, measured: Any = None, ax: Any = None,
) -> Any:  # fmt: skip
    """Density of a coordinate over trajectories and saved steps, beside its exact law.

    A bin's height is its share of all samples over its width. Bars are 95% intervals over trajectories
    (Student), which are independent; saved steps of one trajectory are not. There are none below five
    trajectories, where a histogram is of one path. What lies beyond the axis is counted, and its share is
    said.

    Args:
        data: Runs that hold θ, one, by name or in a row; or samples (n,).
        law: a function of x (…), such as `gibbs` gives, or a frozen law with ``pdf``.
        coordinate: of θ.
        burn_in: time before which nothing counts.
        bins: of the histogram.
        measured: not used; figures of runs take it.
        ax: axes to draw into.

    Returns:
        The Axes.

    Raises:
        NothingToDraw: no run holds θ after the burn-in. RunError: no such coordinate, fewer than two bins.

    Example:
        >>> sdesim.plots.density(run, sdesim.plots.gibbs(surface, 0.1, -3, 3), burn_in=50)
    """
    if bins < 2:
        raise RunError(f"bins: found {bins}, allowed: 2 and more")
    sets = _samples(data, coordinate, burn_in, measured)
    if not sets:
        raise NothingToDraw("no run holds theta after the burn-in")
    whole = np.concatenate([x[np.isfinite(x)] for _, _, x in sets])
    low, high = np.quantile(whole, [_BEYOND, 1 - _BEYOND])
    pad = 0.05 * (high - low) or 1.0
    edges = np.linspace(low - pad, high + pad, bins + 1)
    with one_panel(ax) as canvas:
        for name, colour, x in sets:
            _histogram(canvas, x, edges, name, colour, len(sets) == 1)
        if law is not None:
            pdf = getattr(law, "pdf", law)
            points = np.linspace(edges[0], edges[-1], _POINTS)
            canvas.plot(points, pdf(points), label="exact law", **LAW)
        canvas.set_ylim(0, None)
        canvas.set_xlim(edges[0], edges[-1])
        finish(canvas, "density", f"θ{_subscript(coordinate)}" if not isinstance(data, np.ndarray) else "x")
        legend(canvas, ax)
        return canvas


def _samples(data: Any, coordinate: int, burn_in: float, measured: Any) -> list[tuple[str, str, Array]]:
    """Name, colour and samples (trajectory, n) of what holds any."""
    if isinstance(data, np.ndarray):
        from sdesim.plots.look import SIMULATED

        return [("samples", SIMULATED[0][0], np.asarray(data, dtype=np.float64).reshape(1, -1))]
    found = []
    for view in views_of(data, {} if measured is None else measured):
        if "theta" in view.run and (x := _after(view, coordinate, burn_in)).size:
            found.append((f"{view.name} ({len(x):,})", view.colour, x))
    return found


def _after(view: ArmView, coordinate: int, burn_in: float) -> Array:
    theta: xr.DataArray = view.run["theta"]
    if not 0 <= coordinate < theta.sizes["param"]:
        raise RunError(f"coordinate: found {coordinate}, allowed: 0 to {theta.sizes['param'] - 1}")
    x = theta.isel(param=coordinate).transpose("trajectory", "step").values.astype(np.float64)
    time = np.broadcast_to(view.run["time"].values, x.shape)
    kept = (time >= burn_in).any(axis=0)
    values = np.where(time >= burn_in, x, np.nan)[:, kept]
    return values[np.isfinite(values).any(axis=1)]


def _histogram(ax: Any, x: Array, edges: Array, name: str, colour: str, filled: bool) -> None:
    width = edges[1] - edges[0]
    known = np.isfinite(x)
    counts = known.sum(axis=1).astype(np.float64)
    row, bins = np.nonzero(known)[0], len(edges) - 1
    # As numpy's histogram: [left, right) but for the last, which holds its right end.
    place = np.searchsorted(edges, x[known], side="right") - 1
    place[x[known] == edges[-1]] = bins - 1
    inside = (place >= 0) & (place < bins)
    number = np.bincount(row[inside] * bins + place[inside], minlength=len(x) * bins)
    heights, weights = number.reshape(len(x), bins) / counts[:, None] / width, counts / counts.sum()
    mean = weights @ heights
    beyond = 1.0 - float(mean.sum() * width)
    label = name if beyond < 5e-4 else f"{name}; {beyond:.1%} beyond the axis"
    look = {"fill": True, "alpha": 0.35, "linewidth": 0} if filled else {"fill": False, "linewidth": 1.4}
    ax.stairs(mean, edges, color=colour, label=label, **look)
    if filled:
        ax.stairs(mean, edges, color=colour, linewidth=1.0)
    n = len(x)
    if n >= _LEAST_TRAJECTORIES:
        # A weighted mean's error over rows: Σ w²(x − mean)² n/(n − 1).
        error = np.sqrt((weights[:, None] ** 2 * (heights - mean) ** 2).sum(axis=0) * n / (n - 1))
        half = float(stdtrit(n - 1, 0.975)) * error
        middle = 0.5 * (edges[:-1] + edges[1:])
        ax.vlines(middle, np.maximum(mean - half, 0.0), mean + half, color=colour, linewidth=1.0)


def _subscript(k: int) -> str:
    return str(k).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
