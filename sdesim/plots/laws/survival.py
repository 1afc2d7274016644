"""How long trajectories stay, beside the law of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sdesim.engine.exit_times import exit_statistics
from sdesim.estimate import Estimate
from sdesim.estimators.dynamics.survival import Survival
from sdesim.plots.arms import ArmView, Data, views_of
from sdesim.plots.look import LAW
from sdesim.plots.style import NothingToDraw, finish, legend, log_ticks, one_panel

Law = float | Estimate | Callable[[Any], Any]
# Below this share an axis that begins at 0 shows nothing of the tail.
_TAIL = 0.2
_POINTS = 200
_STEPS = 400
_DASHES = (0, (3, 2))


def survival(
    data: Data, law: Law | Mapping[str, Law] | None = None, *, measured: Any = None, ax: Any = None
) -> Any:
    """Share S(t) of the trajectories that have not left by t, per arm and event, from t = 0.

    Steps are Kaplan and Meier's, S(t) = ∏_{tⱼ ≤ t} (1 − dⱼ/nⱼ), so that a watch that was cut short is no
    exit; bands are Wilson's at 95%, time by time. The axis of S is logarithmic where few are left, and
    then an exponential law is a straight line.

    Args:
        data: Runs with exits (``events=[sdesim.events.Exit(…)]``), one, by name or in a row.
        law: the mean τ of an exponential law exp(−t/τ), a number or an Estimate, or a function S(t); one
            for all, or by the name of the arm.
        measured: not used; figures of runs take it.
        ax: axes to draw into.

    Returns:
        The Axes. Dashed, thin in the arm's colour, or black where it is one for all: the law.

    Raises:
        NothingToDraw: no trajectory of any run left.

    Example:
        >>> sdesim.plots.survival({"Gaussian": run, "α-stable": other}, {"Gaussian": 159.9, "α-stable": 448})
    """
    held = [v for v in views_of(data, {} if measured is None else measured) if "exit_time" in v.run]
    if not any(np.isfinite(v.run["exit_time"].values).any() for v in held):
        raise NothingToDraw("no run holds an exit")
    with one_panel(ax) as canvas:
        least, longest = 1.0, 0.0
        for view in held:
            for event in range(view.run.sizes.get("event", 1)):
                found = exit_statistics(view.run, event, band="wilson").survival
                _steps(canvas, found, view, _name(view, event))
                left = found.share[found.share > 0]
                least, longest = min(least, float(left.min())), max(longest, float(found.times[-1]))
        if isinstance(law, Mapping):
            for view in held:
                if view.name in law:
                    look = {"color": view.colour, "linestyle": _DASHES, "linewidth": 1.0}
                    _law(canvas, law[view.name], longest, look, f"{view.name}: ")
        elif law is not None:
            _law(canvas, law, longest, {**LAW, "linestyle": _DASHES})
        if least < _TAIL:
            canvas.set_yscale("log")
            canvas.set_ylim(least / 2, 1.25)
            log_ticks(canvas.yaxis, least / 2, 1.25)
        else:
            canvas.set_ylim(0, 1.02)
        canvas.set_xlim(0, None)
        finish(canvas, "share not yet left", "time t")
        legend(canvas, ax)
        return canvas


def _name(view: ArmView, event: int) -> str:
    several = view.run.sizes.get("event", 1) > 1
    name = f"{view.name}, {view.run['event'].values[event]}" if several else view.name
    return f"{name} ({view.run.sizes['trajectory']:,})"


def _steps(ax: Any, found: Survival, view: ArmView, label: str) -> None:
    look = {"color": view.colour, "linestyle": view.line}
    kept = np.arange(len(found.times))
    if len(kept) > 2 * _STEPS:
        # More steps than a screen has places: those at even times, and the last, which stand alone.
        even = np.searchsorted(found.times, np.linspace(0.0, found.times[-1], _STEPS), side="right") - 1
        kept = np.unique(np.concatenate([even, kept[-_STEPS // 4 :]]))
    times, share, low, high = (x[kept] for x in (found.times, found.share, found.low, found.high))
    ax.step(times, share, where="post", label=label, **look)
    ax.fill_between(times, low, high, step="post", color=view.colour, alpha=0.16, linewidth=0)


def _law(ax: Any, law: Law, end: float, look: Mapping[str, Any], of: str = "") -> None:
    t = np.linspace(0.0, end, _POINTS)
    if callable(law):
        ax.plot(t, law(t), label=f"{of}law", **look)
        return
    mean = float(law)
    if not (math.isfinite(mean) and mean > 0):
        raise NothingToDraw(f"law: found a mean of {mean:g}, allowed: a positive number")
    ax.plot(t, np.exp(-t / mean), label=f"{of}exp(−t/{mean:.4g})", **look)
