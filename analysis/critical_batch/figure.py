"""Predicted against measured, and what a larger batch saves and costs in units of the critical one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sdesim.plots.style import styled

from .cells import NAMES as PROBLEMS
from .measure import fit
from .predictors import NAMES
from .verdict import FACTOR, Numbers, Score, interval

COLOURS = dict(zip(PROBLEMS, ("#000000", "#0072B2", "#009E73", "#D55E00", "#CC79A7", "#E69F00"), strict=True))
_MARKERS = ("o", "s", "^")


def figure(cells: Sequence[dict[str, Any]], found: Numbers, scores: dict[str, Score], horizon: int) -> Any:
    """A matplotlib Figure: six panels of predictors, and steps and progress against B/B_crit below."""
    with styled() as Figure:
        fig = Figure(figsize=(9.6, 9.6), layout="tight")
        axes = fig.subplots(3, 3)
        for ax, name in zip(axes[:2].ravel(), NAMES, strict=True):
            _predictor(ax, cells, found, name, scores[name])
        for ax in axes[:2, 0]:
            ax.set_ylabel("predicted (examples)")
        _steps(axes[2, 0], cells, horizon)
        _progress(axes[2, 1], cells, horizon)
        _legend(axes[2, 2])
        return fig


def _predictor(ax: Any, cells: Sequence[dict[str, Any]], found: Numbers, name: str, score: Score) -> None:
    ends = []
    for k, cell in enumerate(cells):
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
    ax.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high), xlabel="measured (examples)")
    ax.set_title(f"{NAMES[name]}: {score.word}", fontsize=9)


def _curves(cells: Sequence[dict[str, Any]], horizon: int) -> Any:
    """Cell, its batches, steps (k, seeds), and the fits of its seeds."""
    for cell in cells:
        h = list(cell["horizons"]).index(horizon)
        batches = np.array(cell["batches"], dtype=np.float64)
        steps = np.array(cell["steps"], dtype=np.float64)[:, h]
        yield cell, batches, steps, [fit(batches, s, float(horizon)) for s in steps.T]


def _steps(ax: Any, cells: Sequence[dict[str, Any]], horizon: int) -> None:
    for cell, batches, steps, fits in _curves(cells, horizon):
        for k, one in enumerate(fits):
            if np.isfinite(one.critical):
                ax.plot(
                    batches / one.critical, steps[:, k] / one.s_min, marker=_MARKERS[cell["checkpoint"]],
                    color=COLOURS[cell["problem"]], linestyle="none", markersize=2.5,
                )  # fmt: skip
    x = np.geomspace(0.03, 100, 100)
    ax.plot(x, 1 + 1 / x, color="#777777", linewidth=0.9)
    ax.set(
        xscale="log", yscale="log", xlabel="B/B_crit", ylabel="S/S_min", title="steps to the target",
        xlim=(0.02, 200),
    )  # fmt: skip


def _progress(ax: Any, cells: Sequence[dict[str, Any]], horizon: int) -> None:
    """Share of the way to the target after equal examples: as many as the fit's E_min."""
    for cell, batches, _, fits in _curves(cells, horizon):
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
        look = {"marker": _MARKERS[cell["checkpoint"]], "color": COLOURS[cell["problem"]]}
        ax.plot(x, y, markersize=3, linewidth=0.7, **look)
    ax.axvline(1.0, color="#777777", linewidth=0.9)
    ax.set(
        xscale="log", xlabel="B/B_crit", ylabel="share of the way", title="progress at equal examples",
        ylim=(-0.1, 1.15),
    )  # fmt: skip


def _legend(ax: Any) -> None:
    from matplotlib.lines import Line2D

    ax.axis("off")
    lines = [Line2D([], [], color=c, marker="o", linestyle="none", label=n) for n, c in COLOURS.items()]
    times = ("early", "middle", "late")
    lines += [
        Line2D([], [], color="#777777", marker=m, linestyle="none", label=f"{t} checkpoint")
        for m, t in zip(_MARKERS, times, strict=True)
    ]
    ax.legend(handles=lines, loc="center", frameon=False, fontsize=9)
