"""Trajectories where they went, on the loss that they went over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sdesim.errors import RunError
from sdesim.plots.arms import Data, views_of
from sdesim.plots.landscape.plane import Array, Path, Plane, contours, paths_of, plane_of
from sdesim.plots.look import GUIDE, REAL, SIMULATED
from sdesim.plots.style import TIME, course, finish, legend, one_panel

_PALETTES = {"real": REAL, "simulated": SIMULATED}
# Few jumps far away would press all the rest into a dot: where all points take so many times the room of all
# but a share at each side, those are left beyond the axes.
_FAR, _BEYOND = 8.0, 0.005
_PAD = 0.12


def paths(
    data: Data, surface: Any = None, *, trajectories: int = 2, coordinates: tuple[int, int] | None = None,
    measured: Any = None, ax: Any = None,
) -> Any:  # fmt: skip
    """Trajectories in a plane, on the contours of the loss: over time in one dimension, in the plane itself
    in two, and of more dimensions, as of a network, in the two directions of most of their motion.

    These directions are the principal ones of all points drawn, whatever the arm, with their share of the
    variance at the axes. Of a random walk in many dimensions they show half an arch (Antognini & Sohl-
    Dickstein, 2018): look at the shares. The loss beside the path lies in the plane through the mean of the
    points, so that a path may be lower than the ground that it is drawn on.

    Args:
        data: Runs that hold θ, one, by name or in a row; without θ their projections are taken.
        surface: the loss, with ``loss(theta)``; without it there are no contours.
        trajectories: how many of each run, the first.
        coordinates: two of θ in place of the directions of motion.
        measured: not used; figures of runs take it.
        ax: axes to draw into.

    Returns:
        The Axes: a circle where a path begins, a square where it ends, or an event stopped it. What lies
        beyond the axes (a jump far away) is counted in the legend.

    Raises:
        NothingToDraw: no run holds a path. RunError: fewer than one trajectory, no such coordinates, or a
            surface of another dimension or for projections.

    Example:
        >>> sdesim.plots.paths(run, sdesim.surfaces.DoubleWell(dim=2))
    """
    found, true = chosen(data, trajectories, measured)
    shown = [path.travelled() for path in found]
    dim = shown[0].theta.shape[1]
    _fits(surface, dim, true)
    with one_panel(ax, (5.2, 4.4) if dim > 1 else None) as canvas:
        if dim == 1:
            _in_time(canvas, shown, surface)
        else:
            plane = plane_of(shown, coordinates)
            lines = [plane.flat(p.theta) for p in shown]
            stage(canvas, plane, lines, surface)
            for path, line in zip(shown, lines, strict=True):
                course(canvas, *line.T, color=path.colour, linewidth=0.9, alpha=0.9)
                _ends(canvas, line, path.colour)
            _names(canvas, shown, lines)
        legend(canvas, ax)
        return canvas


def chosen(data: Data, trajectories: int, measured: Any) -> tuple[list[Path], bool]:
    """The paths to draw, and whether they are of θ itself.

    Raises:
        RunError: fewer than one trajectory.
    """
    if trajectories < 1:
        raise RunError(f"trajectories: found {trajectories}, allowed: 1 and more")
    return paths_of(views_of(data, {} if measured is None else measured), trajectories, _PALETTES)


def stage(ax: Any, plane: Plane, lines: Sequence[Array], surface: Any) -> None:
    """Axes that hold the lines, with the loss under them."""
    points = np.concatenate([x[np.isfinite(x).all(axis=1)] for x in lines])
    low, high = points.min(axis=0), points.max(axis=0)
    inner = np.quantile(points, [_BEYOND, 1 - _BEYOND], axis=0)
    far = high - low > _FAR * (inner[1] - inner[0])
    low, high = np.where(far, inner[0], low), np.where(far, inner[1], high)
    pad = _PAD * (high - low)
    pad = np.where(pad > 0, pad, 0.5 * pad.max() or 1.0)
    (left, bottom), (right, top) = low - pad, high + pad
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)
    ax.grid(False)
    if surface is not None:
        contours(ax, surface, plane, (left, right), (bottom, top))
    finish(ax, plane.labels[1], plane.labels[0])


def _fits(surface: Any, dim: int, true: bool) -> None:
    if surface is None:
        return
    if not true:
        raise RunError('contours need the parameters themselves: save=("theta", …)')
    if int(surface.dim) != dim:
        raise RunError(f"surface: found {surface.dim} dimensions, allowed: {dim}, those of the run")


def _in_time(ax: Any, shown: Sequence[Path], surface: Any) -> None:
    for k, path in enumerate(shown):
        name = path.name if all(p.name != path.name for p in shown[:k]) else None
        course(ax, path.time, path.theta[:, 0], color=path.colour, linewidth=0.9, label=name)
    if surface is not None:
        for k, minimum in enumerate(np.asarray(surface.minima())):
            ax.axhline(float(minimum[0]), label=None if k else "minimum of the loss", **GUIDE)
    finish(ax, "θ", TIME if shown[0].colour in {c for c, _ in REAL} else "time t")


def _ends(ax: Any, line: Array, colour: str) -> None:
    line = line[np.isfinite(line).all(axis=1)]
    for at, mark in ((0, "o"), (-1, "s")):
        ax.plot(*line[at], mark, color=colour, markersize=5.5, markerfacecolor="white", zorder=5)


def _names(ax: Any, shown: Sequence[Path], lines: Sequence[Array]) -> None:
    """Names of the arms, of the marks, and how much is not to be seen."""
    names = dict.fromkeys(p.name for p in shown)
    for name in names:
        colour = next(p.colour for p in shown if p.name == name)
        count = sum(p.name == name for p in shown)
        ax.plot([], [], color=colour, label=name if count == 1 else f"{name}, {count} trajectories")
    for mark, name in (("o", "start"), ("s", "end")):
        ax.plot([], [], mark, color="#777777", markerfacecolor="white", markersize=5.5, label=name)
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    points = np.concatenate(list(lines))
    points = points[np.isfinite(points).all(axis=1)]
    inside = (points >= (left, bottom)).all(axis=1) & (points <= (right, top)).all(axis=1)
    if beyond := int((~inside).sum()):
        ax.plot([], [], " ", label=f"{beyond} of {len(points):,} points beyond the axes")
