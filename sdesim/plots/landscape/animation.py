"""Trajectories as they go."""

from __future__ import annotations

from typing import Any

import numpy as np

from sdesim.errors import RunError
from sdesim.plots.arms import Data
from sdesim.plots.landscape.paths import chosen, stage
from sdesim.plots.landscape.plane import plane_of
from sdesim.plots.style import one_panel

# Points of a path that stay visible behind it.
_TRAIL = 12
_WAIT = 40


def animate(
    data: Data, surface: Any = None, *, trajectories: int = 30, frames: int = 100,
    coordinates: tuple[int, int] | None = None, measured: Any = None, ax: Any = None,
) -> Any:  # fmt: skip
    """A film of trajectories on the contours of the loss, with what stands still as in `paths`.

    Frames are saved steps, evenly spread over them; nothing between them is made up. Give the run more of
    them (``save_every``) for a smoother film.

    Args:
        data, surface, coordinates, measured, ax: as of `paths`; two dimensions or more.
        trajectories: how many of each run. frames: at most.

    Returns:
        A matplotlib ``FuncAnimation``; ``.save("film.gif", writer="pillow", fps=20)`` writes it and
        ``.to_jshtml()`` shows it in a notebook.

    Raises:
        As `paths`; RunError: one dimension, runs that save other numbers of steps, or frames < 2.

    Example:
        >>> film = sdesim.plots.animate(run, sdesim.surfaces.FlatSharp(1, 10, 4))
        >>> film.save("film.gif", writer="pillow", fps=20)
    """
    if frames < 2:
        raise RunError(f"frames: found {frames}, allowed: 2 and more")
    shown, true = chosen(data, trajectories, measured)
    if shown[0].theta.shape[1] < 2:
        raise RunError("a film needs two dimensions; sdesim.plots.paths draws one over time")
    if surface is not None and (not true or int(surface.dim) != shown[0].theta.shape[1]):
        raise RunError("surface: found another dimension than that of the run's parameters")
    if len({len(p.theta) for p in shown}) > 1:
        raise RunError("the runs save other numbers of steps, so they share no frames")
    from matplotlib.animation import FuncAnimation

    plane = plane_of(shown, coordinates)
    lines = [plane.flat(p.theta) for p in shown]
    count = len(shown[0].theta)
    moments = np.unique(np.linspace(0, count - 1, min(frames, count)).round().astype(int))
    with one_panel(ax, (5.2, 4.4)) as canvas:
        stage(canvas, plane, lines, surface)
        trails = [canvas.plot([], [], color=p.colour, linewidth=0.8, alpha=0.6)[0] for p in shown]
        heads = [canvas.plot([], [], "o", color=p.colour, markersize=3.5)[0] for p in shown]
        clock = canvas.set_title(" ")

        def frame(at: int) -> list[Any]:
            for line, trail, head in zip(lines, trails, heads, strict=True):
                trail.set_data(*line[max(0, at - _TRAIL) : at + 1].T)
                head.set_data(*line[at : at + 1].T)
            clock.set_text(f"t = {shown[0].time[at]:.4g}")
            return [*trails, *heads, clock]

        frame(int(moments[-1]))
        return FuncAnimation(canvas.figure, frame, frames=[int(m) for m in moments], interval=_WAIT)
