"""Figures whose shape is their own: distances, layers, clients, phase strips, occupancy.

Arguments and results are those of `curves_in_time`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sdesim.comparison.compare import Comparison
from sdesim.comparison.phases import OPEN, phase_array, phase_segments
from sdesim.estimators.core.support import mean_interval
from sdesim.io.text import for_figure
from sdesim.plots.arms import ArmView, Data, views_of
from sdesim.plots.look import UNDECIDED
from sdesim.plots.style import (
    PHASE_COLOURS,
    NothingToDraw,
    axis_label,
    clock,
    draw,
    finish,
    guide,
    legend,
    log_ticks,
    one_panel,
    panels,
    scale,
)
from sdesim.runs.quantities import lookup, meanings
from sdesim.runs.registered import part_names

MAX_STRIPS = 6
MAX_GROUPS = 8
_MARKS = "osD^v"


def distance(
    comparisons: Comparison | Sequence[Mapping[str, Any] | Comparison],
    *,
    arms: Sequence[ArmView] = (),
    ax: Any = None,
) -> Any:
    """Distance per quantity and simulated arm against the null of further real seeds, of quantities that are
    independent of one another.

    Args:
        comparisons: what `compare` gave, one or several, or its `to_dict`.
        arms: views of the arms, for their colours.
        ax: axes to draw into.

    Returns:
        The Axes.
    """
    several = [comparisons] if isinstance(comparisons, Comparison) else comparisons
    found = [c.to_dict() if isinstance(c, Comparison) else c for c in several]
    names = list(dict.fromkeys(q for c in found for q in c["quantities"]))
    # What is computed from another row tells nothing of its own.
    alone = set().union(*(c.get("independent") or c["quantities"] for c in found))
    named = [n for n in names if any((c["quantities"].get(n) or {}).get("distance") for c in found)]
    names = [n for n in named if n in alone]
    if not names:
        raise NothingToDraw("the comparisons hold no distance")
    looks = {v.name: v for v in arms}
    with one_panel(ax, (5.8, 1.3 + 0.3 * len(names))) as canvas:
        _distances(canvas, names, found, looks)
        legend(canvas, ax)
        return canvas


def _distances(
    ax: Any, names: Sequence[str], comparisons: Sequence[Mapping[str, Any]], looks: Mapping[str, ArmView]
) -> None:
    smallest = 0.05
    for row, name in enumerate(names):
        nulls = [c["quantities"].get(name, {}) for c in comparisons]
        high = max((n.get("null_high") or 0.0 for n in nulls), default=0.0)
        mean = max((n.get("null_distance") or 0.0 for n in nulls), default=0.0)
        told = None if row else "further real seeds: up to here, and their mean"
        ax.barh(row, high, height=0.8, color="#E6E6E6", zorder=0, label=told)
        ax.plot([mean, mean], [row - 0.4, row + 0.4], color="#9A9A9A", linewidth=1.2, zorder=1)
    for k, c in enumerate(comparisons):
        view = looks.get(str(c["simulated"]))
        look: dict[str, Any] = {
            "marker": _MARKS[k % len(_MARKS)],
            "color": view.colour if view else "#0072B2",
            "markersize": 5,
            "linestyle": "none",
        }
        ax.plot([], [], **look, label=str(c["simulated"]))
        # Side by side, where marks would hide each other.
        shift = 0.5 * ((k + 0.5) / len(comparisons) - 0.5)
        for row, name in enumerate(names):
            found = c["quantities"].get(name, {})
            if (d := found.get("distance")) is not None:
                told = found.get("outcome") == "differs"
                ax.plot(max(d, smallest), row + shift, **look, markerfacecolor=None if told else "white")
    for fill, name in (("#777777", "told apart"), ("white", "not told apart at this size")):
        ax.plot([], [], "o", color="#777777", markerfacecolor=fill, markersize=5, label=name)
    shown = (for_figure(n) if (known := lookup(n)) is None else known.plain for n in names)
    ax.set_yticks(range(len(names)), list(shown))
    ax.invert_yaxis()
    ax.set_xscale("log")
    ax.set_xlim(smallest * 0.9, max(ax.get_xlim()[1], 2.0))
    log_ticks(ax.xaxis, *ax.get_xlim())
    ax.grid(False, axis="y")
    finish(ax, "", "distance from training (spreads between real seeds)")


def layers(data: Data, *, measured: Any = None, axes: Any = None) -> Any:
    """C of each parameter group, the first eight of them, a panel each."""
    views, row = views_of(data, measured), lookup("C_group")
    assert row is not None
    known = [v for v in views if row.name in (v.measured or {})]
    named = dict.fromkeys(p for v in known for p in part_names(v.measured, row.name))
    parts = [p for p in named if any(v.curve(f"{row.name}.{p}") is not None for v in known)][:MAX_GROUPS]
    if not parts:
        raise NothingToDraw("no run holds C of parameter groups")
    size = (5.8, 0.9 + 2.0 * ((len(parts) + 1) // 2))
    with panels(axes, len(parts), size, columns=2, sharex=True, sharey=True) as canvas:
        everything = []
        for ax, part in zip(canvas, parts, strict=True):
            everything += draw(ax, known, f"{row.name}.{part}")
            ax.set_title(f"layer {part}")
            finish(ax, axis_label(row), "time t")
            if axes is None:
                ax.label_outer()
        scale(canvas[0], everything)
        for ax in canvas:
            guide(ax, row.threshold, "C = 1")
        legend(canvas[0], axes)
        return canvas


def clients(data: Data, *, measured: Any = None, axes: Any = None) -> Any:
    """C of the clients' changes, and the mean of their own C_1 beside what their moments merge to."""
    views = views_of(data, measured)
    changes, mean = lookup("C_clients"), lookup("C_1_client_mean")
    assert changes is not None
    assert mean is not None
    if all(v.curve(changes.name) is None for v in views):
        raise NothingToDraw("no run holds C of clients")
    with panels(axes, 2, (5.8, 5.3), sharex=True) as canvas:
        top, bottom = canvas
        scale(top, draw(top, views, changes.name))
        finish(top, axis_label(changes))
        if axes is None:
            top.label_outer()
        drawn = draw(bottom, views, mean.name, label=False)
        drawn += draw(bottom, views, "C_1_merged", label=False, linewidth=0.9, alpha=0.75)
        scale(bottom, drawn)
        finish(bottom, "C₁, mean of the clients\n(thin: merged)")
        legend(top, axes)
        return canvas


def phase_strip(data: Data, kind: str = "phase", *, measured: Any = None, ax: Any = None) -> Any:
    """Horizontal strips of the phase over time, one per trajectory, arms under one another; of many
    trajectories the first, with their number. A training on full batches makes no noisy step: there the strip
    says what steps on single examples would do, and that it does.

    Args:
        kind: "phase", C against C*; "phase_smooth", the same of smoothed series, where the measurements hold
            them; or "phase_literal", literal C against 1.
    """
    strips, occurring = [], set()
    shown: dict[str, str] = {}
    for view in views_of(data, measured):
        found = phase_array(view.measured, kind)
        if found is not None:
            labels, times = found
            strips += [(view, row, times) for row in labels[:MAX_STRIPS]]
            notes = [f"{MAX_STRIPS} of {len(labels)}"] if len(labels) > MAX_STRIPS else []
            notes += ["if by single\nexamples"] if _of_full_batches(view.measured, kind) else []
            shown[view.name] = "\n".join([view.name, *notes])
    if not strips:
        raise NothingToDraw(f"no run holds a {kind}")
    with one_panel(ax, (5.8, 1.3 + 0.22 * len(strips))) as canvas:
        ticks: dict[str, tuple[ArmView, list[float]]] = {}
        place, last = 0.0, ""
        for view, row, times in strips:
            place += 0.6 if last and view.name != last else 0.0
            known = row != ""
            for phase, start, end in phase_segments(list(row[known]), list(times[known])):
                canvas.barh(place, end - start, left=start, height=0.86, linewidth=0, **_strip(phase))
                occurring.add(phase)
            ticks.setdefault(view.name, (view, []))[1].append(place)
            place, last = place + 1.0, view.name
        names = [for_figure(shown.get(n, n)) for n in ticks]
        canvas.set_yticks([float(np.mean(p)) for _v, p in ticks.values()], names)
        for tick, (view, _p) in zip(canvas.get_yticklabels(), ticks.values(), strict=True):
            tick.set_color(view.colour)
            tick.set_fontweight("bold")
        canvas.invert_yaxis()
        canvas.grid(False)
        for phase in PHASE_COLOURS:
            if phase in occurring:
                canvas.barh(np.nan, 0, label=meanings(kind)[phase], **_strip(phase))
        finish(canvas, "", clock([view for view, _, _ in strips]))
        legend(canvas, ax)
        return canvas


def _of_full_batches(measured: Any, kind: str) -> bool:
    """Whether training took all examples at once: what stands there is of steps that it did not make."""
    flags = None if measured is None else measured.get(f"{kind}_flags")
    return flags is not None and all("full_batch" in str(flag) for flag in np.ravel(flags.values))


def _strip(phase: str) -> dict[str, Any]:
    """Fill of a phase; what is not decided is hatched, so that it is no third answer."""
    look: dict[str, Any] = {"color": PHASE_COLOURS[phase]}
    return {**look, "edgecolor": "white", "hatch": UNDECIDED} if phase == OPEN else look


def occupancy(data: Data, *, measured: Any = None, ax: Any = None) -> Any:
    """Mean share of time per well, bars grouped by well."""
    views, row = views_of(data, measured), lookup("occupancy")
    assert row is not None
    held = [v for v in views if row.name in v.run and np.isfinite(v.run[row.name].values).any()]
    if not held:
        raise NothingToDraw("no run holds the time in wells")
    wells = list(dict.fromkeys(str(w) for v in held for w in v.run["well"].values))
    width = 0.8 / len(held)
    with one_panel(ax) as canvas:
        for k, view in enumerate(held):
            names = [str(w) for w in view.run["well"].values]
            values = np.asarray(view.run["occupancy"].transpose("trajectory", "well").values, dtype=float)
            values = values[np.isfinite(values).all(axis=1)]
            if not values.size:
                continue
            mean, low, high = mean_interval(values, row.within)
            x = np.array([wells.index(n) for n in names]) + (k - (len(held) - 1) / 2) * width
            canvas.bar(
                x,
                mean,
                width * 0.92,
                yerr=[mean - low, high - mean],
                color=view.colour,
                label=view.name,
                capsize=3,
            )
        canvas.set_xticks(range(len(wells)), [*map(for_figure, wells)])
        canvas.set_ylim(0, 1)
        canvas.grid(False, axis="x")
        finish(canvas, "share of time", "well")
        legend(canvas, ax)
        return canvas
