"""The plane in which paths are drawn: two coordinates, or the directions of most of their motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import RunError
from sdesim.plots.arms import ArmView
from sdesim.plots.style import NothingToDraw

Array = NDArray[np.float64]
# Points from which the directions of motion are found, of all paths together.
_ROWS = 600
# Points on each side of the grid of a loss, and its levels.
_GRID, _LEVELS = 61, 9


@dataclass(frozen=True)
class Plane:
    """A point (d,), two orthonormal directions (2, d), and what stands at the axes."""

    centre: Array
    directions: Array
    labels: tuple[str, str]

    def flat(self, theta: Array) -> Array:
        """Coordinates in the plane: (…, d) → (…, 2)."""
        return np.asarray((theta - self.centre) @ self.directions.T)

    def lifted(self, points: Array) -> Array:
        """The points of the plane themselves: (…, 2) → (…, d)."""
        return np.asarray(self.centre + points @ self.directions)


@dataclass(frozen=True)
class Path:
    """One trajectory: where it was (T, d) at times (T,), its arm's name, its colour, and at which of its
    points an event had stopped it, the last where none did."""

    name: str
    colour: str
    theta: Array
    time: Array
    end: int

    def travelled(self) -> Path:
        """Without the saves that repeat where it was stopped."""
        kept = slice(self.end + 1)
        return replace(self, theta=self.theta[kept], time=self.time[kept])


def paths_of(views: Sequence[ArmView], trajectories: int, palettes: Any) -> tuple[list[Path], bool]:
    """The first trajectories of each arm, and whether they are of θ itself and not of its projections.

    Raises:
        NothingToDraw: no arm holds a path. RunError: arms of several dimensions.
    """
    name = "theta" if any("theta" in v.run for v in views) else "theta_projection"
    held = [v for v in views if name in v.run]
    if not held:
        raise NothingToDraw('no run holds a path: save=("theta", …)')
    axis = "param" if name == "theta" else "direction"
    found = []
    for view in held:
        theta = view.run[name].transpose("trajectory", "step", axis).values[:trajectories]
        time = np.broadcast_to(view.run["time"].values, theta.shape[:2])
        ends = _ends(view.run)
        for k, path in enumerate(np.asarray(theta, dtype=np.float64)):
            palette = palettes[view.kind]
            colour = view.colour if len(held) > 1 else palette[k % len(palette)][0]
            at = np.asarray(time[k], dtype=np.float64)
            found.append(Path(view.name, colour, path, at, int(ends[k])))
    if len({p.theta.shape[1] for p in found}) > 1:
        raise RunError("the runs differ in their number of parameters, so they share no plane")
    return found, name == "theta"


def _ends(run: Any) -> Any:
    """The place of the first save at which each trajectory had ended."""
    last = run.sizes["step"] - 1
    if "stopped_step" not in run or "step" not in run.coords:
        return np.full(run.sizes["trajectory"], last)
    return np.minimum(np.searchsorted(run["step"].values, run["stopped_step"].values), last)


def plane_of(paths: Sequence[Path], coordinates: tuple[int, int] | None) -> Plane:
    """The plane of two coordinates, or, of more than two dimensions, of the two principal directions of all
    points about their mean; the first turned so that the first path ends to the right of its start.

    Raises:
        RunError: no such coordinates.
    """
    dim = paths[0].theta.shape[1]
    if coordinates is None and dim == 2:
        coordinates = (0, 1)
    if coordinates is not None:
        if not all(0 <= c < dim for c in coordinates) or len(set(coordinates)) != 2:
            raise RunError(f"coordinates: found {coordinates}, allowed: two different ones of 0 to {dim - 1}")
        labels = tuple(f"θ{_subscript(c)}" for c in coordinates)
        ends = [_finite(p)[-1] for p in paths]
        centre = np.mean(ends, axis=0)
        # Coordinates are to be read off the axes.
        centre[list(coordinates)] = 0.0
        return Plane(centre, np.eye(dim)[list(coordinates)], (labels[0], labels[1]))
    points = np.concatenate([_finite(p) for p in paths])
    rows = points[np.unique(np.linspace(0, len(points) - 1, _ROWS).round().astype(np.int64))]
    centre = rows.mean(axis=0)
    _, sizes, directions = np.linalg.svd(rows - centre, full_matrices=False)
    first = _finite(paths[0])
    turn = np.where(directions[:2] @ (first[-1] - first[0]) < 0, -1.0, 1.0)
    share = sizes[:2] ** 2 / (sizes**2).sum()
    names = ("along the motion", "across it")
    labels = tuple(f"{n} ({s:.0%} of its variance)" for n, s in zip(names, share, strict=True))
    return Plane(centre, directions[:2] * turn[:, None], (labels[0], labels[1]))


def _finite(path: Path) -> Array:
    return path.theta[np.isfinite(path.theta).all(axis=1)]


def _subscript(k: int) -> str:
    return str(k).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def contours(
    ax: Any, surface: Any, plane: Plane, x: tuple[float, float], y: tuple[float, float],
    written: bool = False,
) -> None:  # fmt: skip
    """The loss in the plane: the more ink, the higher; levels lie closer at its bottom and may be written."""
    across, up = np.meshgrid(np.linspace(*x, _GRID), np.linspace(*y, _GRID))
    points = plane.lifted(np.stack([across, up], axis=-1))
    height = np.asarray(surface.loss(points.reshape(-1, points.shape[-1]))).reshape(across.shape)
    finite = height[np.isfinite(height)]
    if not finite.size or finite.max() <= finite.min():
        return
    # The corners of the picture are no reason to press its middle into one level.
    top = float(np.quantile(finite, 0.98))
    steps = np.linspace(0.0, 1.0, _LEVELS + 1) ** 2
    levels = finite.min() + (top - finite.min()) * steps
    shades = [(0.0, 0.0, 0.0, 0.028 * k) for k in range(1, _LEVELS + 1)]
    ax.contourf(across, up, height, levels=levels, colors=shades, extend="max", zorder=0)
    drawn = ax.contour(across, up, height, levels=levels[1:], colors="#9A9A9A", linewidths=0.5, zorder=0.5)
    if written:
        ax.clabel(drawn, fmt="%.3g", fontsize=7, colors="#555555")
