"""Figures whose shape is their own: distances, layers, clients, phase strips, exit times, occupancy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sdesim.comparison.phases import phase_array, phase_segments
from sdesim.comparison.quantity import curve
from sdesim.plots.arms import ArmView
from sdesim.plots.style import GUIDE, PHASE_COLOURS, TIME, draw, finish, legend, log_ticks, scale, styled

MAX_STRIPS = 6
MAX_GROUPS = 8
_MARKS = "osD^v"


def distances(views: Sequence[ArmView], comparisons: Sequence[Mapping[str, Any]]) -> Any:
    """Distance per quantity and simulated arm against the null of further real seeds."""
    names = list(dict.fromkeys(q for c in comparisons for q in c["quantities"]))
    names = [n for n in names if any((c["quantities"].get(n) or {}).get("distance") for c in comparisons)]
    if not names:
        return None
    looks = {v.name: v for v in views}
    with styled() as Figure:
        figure = Figure(figsize=(5.8, 1.3 + 0.3 * len(names)))
        ax = figure.subplots()
        smallest = 0.05
        for row, name in enumerate(names):
            nulls = [c["quantities"].get(name, {}) for c in comparisons]
            high = max((n.get("null_high") or 0.0 for n in nulls), default=0.0)
            mean = max((n.get("null_distance") or 0.0 for n in nulls), default=0.0)
            ax.barh(row, high, height=0.8, color="#E6E6E6", zorder=0)
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
        ax.set_yticks(range(len(names)), names)
        ax.invert_yaxis()
        ax.set_xscale("log")
        ax.set_xlim(smallest * 0.9, max(ax.get_xlim()[1], 2.0))
        log_ticks(ax.xaxis, *ax.get_xlim())
        ax.grid(False, axis="y")
        finish(ax, "", "distance from training (spreads between real seeds)")
        legend(figure, ax)
        return figure


def layers(views: Sequence[ArmView], _: Sequence[Mapping[str, Any]]) -> Any:
    """C of each parameter group, (|ḡ|² − T/n)/T with T the group's noise, one panel per group."""
    held = [v for v in views if "group_signal" in v.run and "group_noise" in v.run]
    groups = list(dict.fromkeys(str(g) for v in held for g in v.run["group"].values))[:MAX_GROUPS]
    if not groups:
        return None
    rows = (len(groups) + 1) // 2
    with styled() as Figure:
        figure = Figure(figsize=(5.8, 0.9 + 2.0 * rows))
        axes = np.atleast_1d(figure.subplots(rows, min(2, len(groups)), sharex=True, sharey=True)).ravel()
        everything = []
        for ax, group in zip(axes, groups, strict=False):
            for view in held:
                found = _group_ratio(view, group)
                if found is None:
                    continue
                times, c = found
                name = f"{view.name} ({view.kind})"
                ax.plot(times, c.mean, color=view.colour, linestyle=view.line, label=name)
                if np.isfinite(c.low).any():
                    ax.fill_between(times, c.low, c.high, color=view.colour, alpha=0.16, linewidth=0)
                everything.append(c.mean)
            ax.axhline(1.0, **GUIDE)
            ax.set_title(f"layer {group}")
            finish(ax, r"$C$", "time t")
            ax.label_outer()
        for ax in axes[len(groups) :]:
            ax.set_visible(False)
        if not everything:
            return None
        scale(axes[0], everything)
        legend(figure, axes[0])
        return figure


def _group_ratio(view: ArmView, group: str) -> tuple[Any, Any] | None:
    run = view.run
    where = [str(g) for g in run["group"].values]
    if group not in where:
        return None
    pick = {"group": where.index(group)}
    signal = np.asarray(run["group_signal"].isel(pick).transpose("trajectory", "probe"), dtype=float)
    noise = np.asarray(run["group_noise"].isel(pick).transpose("trajectory", "probe"), dtype=float)
    n = run["gradient_samples"].values if "gradient_samples" in run else np.inf
    ratio = np.full(signal.shape, np.nan)
    np.divide(signal - noise / n, noise, out=ratio, where=noise > 0)
    times = np.asarray(run["probe_time"].values, dtype=float)
    times = times.mean(axis=0) if times.ndim > 1 else times
    rows = np.isfinite(ratio).any(axis=1)
    columns = np.isfinite(ratio[rows]).all(axis=0) if rows.any() else np.zeros(times.size, dtype=bool)
    if not columns.any():
        return None
    nothing = np.full((int(rows.sum()), int(columns.sum())), np.nan)
    return times[columns], curve(ratio[rows][:, columns], (nothing, nothing), 0.95)


def clients(views: Sequence[ArmView], _: Sequence[Mapping[str, Any]]) -> Any:
    """C of the clients' changes, and the mean of their own C_1 beside what their moments merge to."""
    with styled() as Figure:
        figure = Figure(figsize=(5.8, 5.3))
        top, bottom = figure.subplots(2, 1, sharex=True)
        changes = draw(top, views, "C_clients")
        if not changes:
            return None
        scale(top, changes)
        finish(top, "C of the changes")
        top.label_outer()
        drawn = draw(bottom, views, "C_1_client_mean", label=False)
        drawn += draw(bottom, views, "C_1_merged", label=False, linewidth=0.9, alpha=0.75)
        scale(bottom, drawn)
        finish(bottom, "$C_1$ (mean; thin: merged)")
        legend(figure, top)
        return figure


def phases(views: Sequence[ArmView], _: Sequence[Mapping[str, Any]]) -> Any:
    """Horizontal strips of the phase over time, one per trajectory, arms under one another."""
    strips = []
    for view in views:
        found = phase_array(view.measured, "phase")
        if found is not None:
            labels, times = found
            strips += [(view, k, row, times) for k, row in enumerate(labels[:MAX_STRIPS])]
    if not strips:
        return None
    with styled() as Figure:
        figure = Figure(figsize=(5.8, 1.3 + 0.22 * len(strips)))
        ax = figure.subplots()
        ticks: dict[str, tuple[ArmView, list[float]]] = {}
        place, last = 0.0, ""
        for view, _k, row, times in strips:
            place += 0.6 if last and view.name != last else 0.0
            known = row != ""
            for phase, start, end in phase_segments(list(row[known]), list(times[known])):
                ax.barh(place, end - start, left=start, height=0.86, color=PHASE_COLOURS[phase], linewidth=0)
            ticks.setdefault(view.name, (view, []))[1].append(place)
            place, last = place + 1.0, view.name
        ax.set_yticks([float(np.mean(p)) for _v, p in ticks.values()], list(ticks))
        for tick, (view, _p) in zip(ax.get_yticklabels(), ticks.values(), strict=True):
            tick.set_color(view.colour)
            tick.set_fontweight("bold")
        ax.invert_yaxis()
        ax.grid(False)
        for phase, colour in PHASE_COLOURS.items():
            ax.barh(np.nan, 0, color=colour, label=phase)
        finish(ax, "", TIME)
        handles, labels = ax.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
        return figure


def exits(views: Sequence[ArmView], _: Sequence[Mapping[str, Any]]) -> Any:
    """Survival: fraction of trajectories not yet left, per arm and event."""
    held = [v for v in views if "exit_time" in v.run]
    if not any(np.isfinite(v.run["exit_time"].values).any() for v in held):
        return None
    with styled() as Figure:
        figure = Figure()
        ax = figure.subplots()
        for view in held:
            several = view.run.sizes.get("event", 1) > 1
            for event in range(view.run.sizes.get("event", 1)):
                times = np.asarray(view.run["exit_time"].isel(event=event).values, dtype=float)
                left = np.sort(times[np.isfinite(times)])
                name = f"{view.name}, {view.run['event'].values[event]}" if several else view.name
                end = float(np.nanmax(view.run["time"].values))
                start = left[:1] if left.size else np.array([end / 1000])
                x = np.concatenate([start, left, [max(end, *left[-1:], *start)]])
                share = 1 - np.arange(left.size + 1) / times.size
                y = np.concatenate([share, share[-1:]])
                ax.step(x, y, where="post", color=view.colour, linestyle=view.line, label=name)
                p = share
                half = 1.96 * np.sqrt(np.clip(p * (1 - p), 0, None) / times.size)
                band = np.concatenate([half, half[-1:]])
                ax.fill_between(
                    x, y - band, y + band, step="post", color=view.colour, alpha=0.16, linewidth=0
                )
        ax.set_xscale("log")
        ax.set_ylim(0, 1.02)
        finish(ax, "fraction not yet left", "time t")
        legend(figure, ax)
        return figure


def occupancy(views: Sequence[ArmView], _: Sequence[Mapping[str, Any]]) -> Any:
    """Mean share of time per well, bars grouped by well."""
    held = [v for v in views if "occupancy" in v.run and np.isfinite(v.run["occupancy"].values).any()]
    if not held:
        return None
    wells = list(dict.fromkeys(str(w) for v in held for w in v.run["well"].values))
    width = 0.8 / len(held)
    with styled() as Figure:
        figure = Figure()
        ax = figure.subplots()
        for k, view in enumerate(held):
            names = [str(w) for w in view.run["well"].values]
            values = np.asarray(view.run["occupancy"].transpose("trajectory", "well").values, dtype=float)
            values = values[np.isfinite(values).all(axis=1)]
            if not values.size:
                continue
            error = 1.96 * values.std(axis=0) / np.sqrt(values.shape[0])
            x = np.array([wells.index(n) for n in names]) + (k - (len(held) - 1) / 2) * width
            ax.bar(
                x,
                values.mean(axis=0),
                width * 0.92,
                yerr=error,
                color=view.colour,
                label=view.name,
                capsize=3,
            )
        ax.set_xticks(range(len(wells)), wells)
        ax.set_ylim(0, 1)
        ax.grid(False, axis="x")
        finish(ax, "share of time", "well")
        legend(figure, ax)
        return figure
