"""Predicted against measured, and what a larger batch saves and costs in units of the critical one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from sdesim.plots.style import styled

from .cells import GRID
from .cells import NAMES as PROBLEMS
from .measure import Fit, fit
from .predictors import NAMES
from .verdict import FACTOR, Array, interval, measured_steps

_MARKERS, _TIMES = ("o", "s", "^"), ("early", "middle", "late")
# Okabe and Ito's; of least squares the colour tells the noise of the labels.
_SIX = ("#000000", "#0072B2", "#009E73", "#D55E00", "#CC79A7", "#E69F00")
_NOISES = ("#56B4E9", "#0072B2", "#000000")
COLOURS = dict(zip(PROBLEMS, _SIX, strict=True)) | {name: _NOISES[k % 3] for k, name in enumerate(GRID)}
SHOWN = ("simple", "edge")


def figure(parts: Sequence[Any]) -> Any:
    """A matplotlib Figure of `Judged` parts: each against two predictors, below the first's branches."""
    columns = max(3, len(parts))
    with styled() as Figure:
        fig = Figure(figsize=(3.3 * columns, 9.6), layout="tight")
        axes = fig.subplots(3, columns, squeeze=False)
        for ax in axes.ravel():
            ax.axis("off")
        for column, of in enumerate(parts):
            for row, name in enumerate(SHOWN):
                _predictor(axes[row, column], of, name)
        _steps(axes[2, 0], parts[0])
        _progress(axes[2, 1], parts[0])
        _legend(axes[2, 2:], parts)
        return fig


def _predictor(ax: Any, of: Any, name: str) -> None:
    ax.axis("on")
    title, found = next(iter(of.numbers.items()))
    score, ends = of.scores[title][name], []
    for k, cell in enumerate(of.cells):
        x, y = interval(found.measured[k]), interval(found.predicted[name][k])
        if not np.isfinite([x[0], y[0]]).all():
            continue
        ends += [x[0], y[0]]
        ax.errorbar(
            x[0], y[0], xerr=[[x[0] - x[1]], [x[2] - x[0]]], yerr=[[y[0] - y[1]], [y[2] - y[0]]],
            marker=_MARKERS[cell["checkpoint"]], color=COLOURS[cell["problem"]], markersize=5, linewidth=0.8,
        )  # fmt: skip
    low, high = min(ends, default=1.0) / 2.5, max(ends, default=1.0) * 2.5
    line = np.array([low, high])
    ax.fill_between(line, line / FACTOR, line * FACTOR, color="#BBBBBB", alpha=0.4, linewidth=0)
    ax.plot(line, line, color="#777777", linewidth=0.9)
    ax.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
    ax.set_xlabel("measured critical batch (examples)")
    ax.set_ylabel(NAMES[name] if name == SHOWN[0] else "noise scale with H, capped at the edge")
    ax.set_title(f"{of.part.title}\n{name}: {score.word}", fontsize=9)


def _curves(of: Any) -> Iterator[tuple[dict[str, Any], Array, Array, list[Fit]]]:
    """Cell, its batches, steps (k, seeds), and the fits of its seeds."""
    horizon = of.part.horizons[-1]
    for cell in of.cells:
        h = list(cell["horizons"]).index(horizon)
        batches = np.array(cell["batches"], dtype=np.float64)
        steps = measured_steps(cell, h)
        yield cell, batches, steps, [fit(batches, s, float(horizon)) for s in steps.T]


def _look(cell: dict[str, Any]) -> dict[str, str]:
    return {"marker": _MARKERS[cell["checkpoint"]], "color": COLOURS[cell["problem"]]}


def _steps(ax: Any, of: Any) -> None:
    ax.axis("on")
    for cell, batches, steps, fits in _curves(of):
        for k, one in enumerate(fits):
            if np.isfinite(one.critical):
                x, y = batches / one.critical, steps[:, k] / one.s_min
                ax.plot(x, y, linestyle="none", markersize=2.5, **_look(cell))
    x = np.geomspace(0.03, 100, 100)
    ax.plot(x, 1 + 1 / x, color="#777777", linewidth=0.9)
    ax.set(xscale="log", yscale="log", xlabel="B/B_crit", ylabel="S/S_min", xlim=(0.02, 200))
    ax.set_title("steps to a far target, and 1 + B_crit/B", fontsize=9)


def _progress(ax: Any, of: Any) -> None:
    """Share of the way to the target after equal examples: as many as the fit's E_min."""
    ax.axis("on")
    for cell, batches, _, fits in _curves(of):
        known = [f for f in fits if np.isfinite(f.critical)]
        if not known:
            continue
        critical = float(np.exp(np.mean([np.log(f.critical) for f in known])))
        examples = float(np.exp(np.mean([np.log(f.critical * f.s_min) for f in known])))
        x, y = [], []
        for b, times, left in zip(batches, cell["path_steps"], cell["path_left"], strict=True):
            if all(v is not None for v in left) and 1 <= examples / b <= times[-1]:
                x.append(b / critical)
                y.append(1 - float(np.interp(examples / b, times, left)))
        ax.plot(x, y, markersize=3, linewidth=0.7, **_look(cell))
    ax.axvline(1.0, color="#777777", linewidth=0.9)
    ax.set(xscale="log", xlabel="B/B_crit", ylabel="share of the way", ylim=(-0.1, 1.15))
    ax.set_title("progress after equal examples, E_min", fontsize=9)


def _legend(axes: Any, parts: Sequence[Any]) -> None:
    from matplotlib.lines import Line2D

    def dot(colour: str, marker: str, label: str) -> Any:
        return Line2D([], [], color=colour, marker=marker, linestyle="none", label=label)

    shown = {name for of in parts for name in of.part.problems}
    lines = [dot(COLOURS[name], "o", name) for name in PROBLEMS if name in shown]
    if shown & set(GRID):
        noises = (0.03, 0.3, 3)
        lines += [dot(c, "o", f"least squares, σ {s:g}") for c, s in zip(_NOISES, noises, strict=True)]
    lines += [dot("#777777", m, f"{t} checkpoint") for m, t in zip(_MARKERS, _TIMES, strict=True)]
    axes[0].legend(handles=lines, loc="center left", frameon=False, fontsize=9)
