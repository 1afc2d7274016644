"""The loss along lines through a point, or along a path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import RunError
from sdesim.plots.landscape.plane import Plane, contours
from sdesim.plots.look import REAL, SERIES
from sdesim.plots.style import finish, legend, one_panel, scale

Array = NDArray[np.float64]


def loss_slice(
    surface: Any, theta: Any, directions: Any = "random", *, normalise: str = "layer", lines: int = 3,
    span: float = 1.0, points: int = 61, plane: bool = False, seed: int = 0, ax: Any = None,
) -> Any:  # fmt: skip
    """The loss along straight lines, L(θ + s v), −span ≤ s ≤ span, or over the plane of two of them.

    Random directions are Gaussian. "layer" rescales the part of each layer to the norm of that layer's
    parameters, |v_g| = |θ_g|, so that networks that differ in the scale of their weights can be compared
    (after Li et al. 2018, who do it filter by filter); a surface without layers is one. "unit" makes |v| = 1.
    A minimum looks flatter the fewer lines are drawn: in many dimensions a random line misses what is sharp.

    Along a path, ``directions="path"`` with θ (T, d), the line leads from its first point (s = 0) to its last
    (s = 1); marks are the loss at the path's own points, over their place along the line, and lie off the
    curve where the path does not follow the line.

    Args:
        surface: with ``loss(theta)`` for (…, d), and ``groups`` (layers) for "layer".
        theta: point (d,), or path (T, d).
        directions: "random", "path", or vectors (k, d), taken as they are.
        normalise: "layer" or "unit", of random ones.
        lines: number of random ones. span: largest |s|. points: along each line.
        plane: draw contours over the first two directions.
        seed: of the random ones.
        ax: axes to draw into.

    Returns:
        The Axes.

    Raises:
        RunError: shapes that don't fit, an unknown word, or fewer than three points.

    Example:
        >>> sdesim.plots.loss_slice(surface, run["theta"].values[0, -1])
        >>> sdesim.plots.loss_slice(surface, run["theta"].values[0], "path")
    """
    where = np.asarray(theta, dtype=np.float64)
    dim = int(surface.dim)
    path = isinstance(directions, str) and directions == "path"
    if where.shape[-1:] != (dim,) or where.ndim != (2 if path else 1) or (path and len(where) < 2):
        wanted = f"(T, {dim}), T ≥ 2" if path else f"({dim},)"
        raise RunError(f"theta: found shape {where.shape}, allowed: {wanted}")
    if points < 3 or not span > 0:
        raise RunError(f"loss_slice needs three points and a positive span, got {points} and {span}")
    if path:
        return _along(surface, where, points, ax)
    vectors, names = _directions(
        surface, where, directions, normalise, max(2, lines) if plane else lines, seed
    )
    if plane:
        if len(vectors) < 2:
            raise RunError(f"directions: found {len(vectors)}, allowed: 2 and more for a plane")
        return _over(surface, where, vectors[:2], names, span, ax)
    s = np.linspace(-span, span, points)
    with one_panel(ax) as canvas:
        drawn = []
        for k, (vector, name) in enumerate(zip(vectors, names, strict=True)):
            values = np.asarray(surface.loss(where + s[:, None] * vector))
            drawn.append(values[np.isfinite(values)])
            canvas.plot(s, values, color=SERIES[k % len(SERIES)], label=name)
        here = float(surface.loss(where))
        canvas.plot([0.0], [here], "o", color="#777777", markerfacecolor="white", zorder=5, label="θ itself")
        scale(canvas, drawn)
        finish(canvas, "loss", _axis(directions, normalise))
        legend(canvas, ax)
        return canvas


def _axis(directions: Any, normalise: str) -> str:
    if not isinstance(directions, str):
        return "s, in lengths of the direction"
    return "s, in norms of each layer" if normalise == "layer" else "s, distance from θ"


def _directions(
    surface: Any, theta: Array, given: Any, normalise: str, lines: int, seed: int
) -> tuple[Array, list[str]]:
    if not isinstance(given, str):
        vectors = np.atleast_2d(np.asarray(given, dtype=np.float64))
        if vectors.shape[1] != theta.size:
            raise RunError(f"directions: found shape {vectors.shape}, allowed: (k, {theta.size})")
        return vectors, [f"direction {k}" for k in range(1, len(vectors) + 1)]
    if given != "random" or normalise not in ("layer", "unit") or lines < 1:
        raise RunError(
            f"found directions {given!r}, normalise {normalise!r} and {lines} lines, allowed: 'random', "
            "'path' or vectors; 'layer' or 'unit'; 1 and more"
        )
    vectors = np.random.default_rng(seed).standard_normal((lines, theta.size))
    groups: Mapping[str, Any] = dict(surface.groups) if normalise == "layer" else {}
    for part in groups.values() or [slice(None)]:
        size = np.linalg.norm(theta[part]) if normalise == "layer" else 1.0
        vectors[:, part] *= size / np.linalg.norm(vectors[:, part], axis=1, keepdims=True)
    return vectors, [f"random direction {k}" for k in range(1, lines + 1)]


def _along(surface: Any, path: Array, points: int, ax: Any) -> Any:
    way = path[-1] - path[0]
    length = float(way @ way)
    if not length > 0:
        raise RunError("theta: the path ends where it begins, so there is no line along it")
    s = np.linspace(-0.25, 1.25, points)
    along = np.asarray(surface.loss(path[0] + s[:, None] * way))
    place = (path - path[0]) @ way / length
    itself = np.asarray(surface.loss(path))
    with one_panel(ax) as canvas:
        canvas.plot(s, along, color=SERIES[0], label="straight line from start (0) to end (1)")
        canvas.plot(
            place, itself, "o", color=REAL[0][0], markersize=3, alpha=0.8, linestyle="none",
            label="the path, by its place along the line",
        )  # fmt: skip
        scale(canvas, [along[np.isfinite(along)], itself[np.isfinite(itself)]])
        finish(canvas, "loss", "place along the line")
        legend(canvas, ax, ncols=1)
        return canvas


def _over(surface: Any, theta: Array, pair: Array, names: list[str], span: float, ax: Any) -> Any:
    with one_panel(ax, (5.2, 4.4)) as canvas:
        canvas.set(xlim=(-span, span), ylim=(-span, span), aspect="equal")
        canvas.grid(False)
        canvas.locator_params(nbins=5)
        labels = (f"s along {names[0]}", f"s along {names[1]}")
        ends = (-span, span)
        contours(canvas, surface, Plane(theta, pair, labels), ends, ends, written=True)
        canvas.plot([0.0], [0.0], "o", color="#777777", markerfacecolor="white", label="θ itself")
        finish(canvas, labels[1], labels[0])
        legend(canvas, ax)
        return canvas
