"""A second task after the first: dimensions at the switch, the order of events, and replay steered by C."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim import data
from sdesim import estimators as est
from sdesim.plots.style import GUIDE, styled

from . import network as nw
from .plots import COLOURS, band, bar
from .statistics import Array, geometric, mean, text

WIDTHS = (64, 32, 5)
RATE, BATCH = 0.2, 16
WINDOW, EVERY = 100, 5
# C before the switch: the last so many readings, EVERY steps apart.
STEADY = 20
SEEDS = 10
BUFFER = 100
# Accuracy on the old task counts as lost once it lies this far below its value at the switch.
LOST = 0.1
OLD_LOSS = 0.2
RULES = {"below": "C_B < {:g}", "above": "C_B > {:g}", "loss": "old loss > {:g}"}
Labels = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Task:
    """Training and test examples of one task."""

    x: Array
    y: Labels
    x_test: Array
    y_test: Labels


def tasks(kind: str, seed: int) -> tuple[Task, Task]:
    """Old and new task. "split": digits 0–4 and 5–9 under the same five outputs; "permuted": digits
    0–4, and the same under a fixed shuffle of the pixels."""
    first = data.digits(500, 200, seed, classes=range(5))
    if kind == "split":
        second = data.digits(500, 200, seed, classes=range(5, 10))
        return _task(first), _task(second)
    order = np.random.default_rng([seed, 11]).permutation(64)
    other = data.digits(500, 200, seed + 1000, classes=range(5))
    return _task(first), Task(other.x_train[:, order], other.y_train, other.x_test[:, order], other.y_test)


def _task(d: data.Dataset) -> Task:
    return Task(d.x_train, d.y_train, d.x_test, d.y_test)


def _batch(task: Task, rng: np.random.Generator, size: int) -> tuple[Array, Labels]:
    rows = rng.integers(0, len(task.x), size)
    return task.x[rows], task.y[rows]


def _train(
    layers: nw.Layers, task: Task, rng: np.random.Generator, steps: int,
    after: Callable[[int], None] | None = None,
) -> None:  # fmt: skip
    for k in range(steps):
        nw.step(layers, nw.mean_gradient(nw.signals(layers, *_batch(task, rng, BATCH))), RATE)
        if after is not None:
            after(k + 1)


def _geometry(layers: nw.Layers, task: Task, path: list[Array], rng: np.random.Generator) -> dict[str, float]:
    """Dimensions that belong to one window of the path: of noise, of gradients, of the trajectory."""
    draws = np.stack(
        [nw.flat(nw.mean_gradient(nw.signals(layers, *_batch(task, rng, BATCH)))) for _ in range(200)]
    )
    directions = np.random.default_rng(5).standard_normal((draws.shape[1], 16))
    alpha = est.tail_index((draws - draws.mean(axis=0)) @ directions / np.sqrt(draws.shape[1])).value
    points = np.stack(path)
    return {
        "d_H literal, min(d, α)": min(float(draws.shape[1]), max(alpha, 0.0)),
        "trajectory dimension": est.trajectory_dimension(points).value,
        "trajectory participation": est.trajectory_dimension(points, method="participation").value,
        "gradient participation": nw.participation(nw.signals(layers, task.x, task.y)),
    }


def _dimensions(kind: str, seed: int, steps: int) -> dict[str, dict[str, float]]:
    """Geometry of windows of equal length: at the very start, before and after the switch, later, and at the
    same steps without a switch."""
    old, new = tasks(kind, seed)
    found: dict[str, dict[str, float]] = {}

    def window(layers: nw.Layers, task: Task, name: str, rng: np.random.Generator) -> None:
        path: list[Array] = []
        _train(layers, task, rng, WINDOW, lambda _: path.append(nw.flat(layers)))
        found[name] = _geometry(layers, task, path, np.random.default_rng([seed, 12]))

    rng = np.random.default_rng([seed, 13])
    layers = nw.start(WIDTHS, seed)
    window(layers, old, "start of the first task", rng)
    _train(layers, old, rng, steps - 2 * WINDOW)
    window(layers, old, "before the switch", rng)
    control = nw.copied(layers)
    window(layers, new, "after the switch", rng)
    _train(layers, new, rng, steps - 2 * WINDOW)
    window(layers, new, "end of the second task", rng)
    window(control, old, "no switch (control)", np.random.default_rng([seed, 14]))
    return found


def _events(kind: str, seed: int, steps: int, switch: bool = True) -> dict[str, Any]:
    """C on the old task and accuracy through the switch, and when each first leaves its place.

    Without the switch the old task is trained on: what its events say is false alarm.
    """
    old, new = tasks(kind, seed)
    layers, rng = nw.start(WIDTHS, seed), np.random.default_rng([seed, 15])
    first: list[float] = []

    def old_ratio() -> float:
        return nw.ratio(nw.signals(layers, old.x, old.y))

    def before(k: int) -> None:
        if k % EVERY == 0:
            first.append(old_ratio())

    _train(layers, old, rng, steps, before)
    at_switch = nw.accuracy(layers, old.x_test, old.y_test)
    times, ratios = [0], [old_ratio()]
    kept, learned = [at_switch], [nw.accuracy(layers, new.x_test, new.y_test)]

    def after(k: int) -> None:
        if k <= 50 or k % EVERY == 0:
            times.append(k)
            ratios.append(old_ratio())
            kept.append(nw.accuracy(layers, old.x_test, old.y_test))
            learned.append(nw.accuracy(layers, new.x_test, new.y_test))

    _train(layers, new if switch else old, rng, steps, after)
    c, a, t = np.array(ratios), np.array(kept), np.array(times)
    learning, steady = np.array(first), np.array(first[-STEADY:])
    # The range that C had run through before the switch, a tenth wider on either side.
    floor, ceiling = steady.min() / 1.1, steady.max() * 1.1
    return {
        "steps": times, "C_1": ratios, "old": kept, "new": learned,
        "C_1 before": float(np.median(steady)),
        "C_B < 1 in the first task": _first(EVERY * np.arange(1, len(first) + 1), BATCH * learning < 1),
        "lost": _first(t, a < at_switch - LOST),
        "C_B < 1": _first(t, BATCH * c < 1),
        "C_1 < 1": _first(t, c < 1),
        "C_1 below its range": _first(t, c < floor),
        "C_1 above its range": _first(t, c > ceiling),
    }  # fmt: skip


def _first(times: NDArray[np.int64], hit: NDArray[np.bool_]) -> float:
    return float(times[hit.argmax()]) if hit.any() else float("nan")


def _replayed(
    old: Task, new: Task, start: nw.Layers, seed: int, steps: int, *, rule: tuple[str, float] | None = None,
    chosen: NDArray[np.bool_] | None = None,
) -> tuple[dict[str, float], NDArray[np.bool_]]:  # fmt: skip
    """Learn the new task; where the rule or `chosen` says so, half of a batch comes from old examples.

    Rule: ("below" or "above", bound) on C of the old task at the batch, or ("loss", bound) for a loss of the
    old task above it; both read from the buffer at every step.
    """
    layers, rng = nw.copied(start), np.random.default_rng([seed, 16])
    keep = np.random.default_rng([seed, 17]).choice(len(old.x), BUFFER, replace=False)
    buffer = Task(old.x[keep], old.y[keep], old.x_test, old.y_test)
    used = np.zeros(steps, dtype=np.bool_)
    for k in range(steps):
        if rule is not None and rule[0] == "loss":
            used[k] = nw.loss(layers, buffer.x, buffer.y) > rule[1]
        elif rule is not None:
            c = BATCH * nw.ratio(nw.signals(layers, buffer.x, buffer.y))
            used[k] = c < rule[1] if rule[0] == "below" else c > rule[1]
        elif chosen is not None:
            used[k] = chosen[k]
        x, y = _batch(new, rng, BATCH)
        again_x, again_y = _batch(buffer, rng, BATCH // 2)
        if used[k]:
            x, y = np.concatenate([x[: BATCH // 2], again_x]), np.concatenate([y[: BATCH // 2], again_y])
        nw.step(layers, nw.mean_gradient(nw.signals(layers, x, y)), RATE)
    scores = {
        "old": nw.accuracy(layers, old.x_test, old.y_test),
        "new": nw.accuracy(layers, new.x_test, new.y_test),
        "share": float(used.mean()),
    }
    return scores, used


def _replay(kind: str, seed: int, steps: int, thresholds: tuple[float, ...]) -> dict[str, dict[str, float]]:
    """Final accuracies without replay, with C-steered replay, and with as much of it at random times."""
    old, new = tasks(kind, seed)
    start, rng = nw.start(WIDTHS, seed), np.random.default_rng([seed, 18])
    _train(start, old, rng, steps)
    found = {"none": _replayed(old, new, start, seed, steps)[0]}
    found["always"] = _replayed(old, new, start, seed, steps, chosen=np.ones(steps, dtype=np.bool_))[0]
    steered = [(side, bound) for side in ("below", "above") for bound in thresholds]
    for rule in [*steered, ("loss", OLD_LOSS)]:
        scores, used = _replayed(old, new, start, seed, steps, rule=rule)
        shuffled = np.random.default_rng([seed, 19]).permutation(used)
        control = _replayed(old, new, start, seed, steps, chosen=shuffled)[0]
        found[RULES[rule[0]].format(rule[1])] = {
            **scores, "control old": control["old"], "control new": control["new"],
        }  # fmt: skip
    return found


def run(seeds: int, quick: bool) -> dict[str, Any]:
    """All three parts, for both kinds of second task."""
    steps = 400 if quick else 1000
    thresholds = (1.0,) if quick else (0.25, 1.0, 4.0)
    return {
        kind: {
            "dimensions": [_dimensions(kind, s, steps) for s in range(seeds)],
            "events": [_events(kind, s, steps) for s in range(seeds)],
            "no switch": [_events(kind, s, steps, switch=False) for s in range(seeds)],
            "replay": [_replay(kind, s, steps, thresholds) for s in range(seeds)],
        }
        for kind in ("split", "permuted")
    }


def table(found: dict[str, Any]) -> str:
    """Markdown tables of the three parts."""
    lines = []
    for kind, parts in found.items():
        lines += [f"### {kind}", "", *_dimension_lines(parts["dimensions"]), ""]
        lines += [*_event_lines(parts["events"], parts["no switch"]), "", *_replay_lines(parts["replay"]), ""]
    return "\n".join(lines)


def _dimension_lines(rows: list[dict[str, dict[str, float]]]) -> list[str]:
    windows, names = list(rows[0]), list(rows[0]["before the switch"])
    lines = ["| window of 100 steps | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    for w in windows:
        lines.append(f"| {w} | " + " | ".join(text(mean([r[w][n] for r in rows])) for n in names) + " |")
    for label, a, b in (
        ("switch − no switch", "after the switch", "no switch (control)"),
        ("switch − first start", "after the switch", "start of the first task"),
    ):
        cells = [text(mean([r[a][n] - r[b][n] for r in rows])) for n in names]
        lines.append(f"| *{label}, paired* | " + " | ".join(cells) + " |")
    return lines


def _event_lines(rows: list[dict[str, Any]], control: list[dict[str, Any]]) -> list[str]:
    lines = [
        "| event | seeds | of which at the switch already | step after the switch | steps before accuracy is "
        "lost, paired | seeds without a switch, by that step | ever |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in ("lost", "C_B < 1", "C_1 < 1", "C_1 below its range", "C_1 above its range"):
        when = mean([r[name] for r in rows])
        lead = mean([r["lost"] - r[name] for r in rows])
        already = sum(r[name] == 0 for r in rows)
        ever = sum(np.isfinite(r[name]) for r in control)
        by_then = sum(c[name] <= r[name] for c, r in zip(control, rows, strict=True))
        lines.append(
            f"| {name} | {when['n']} of {when['of']} | {already} | {text(when)} | {text(lead)} "
            f"| {by_then} of {when['of']} | {ever} of {when['of']} |"
        )
    fell = mean([r["C_B < 1 in the first task"] for r in rows])
    before = geometric([r["C_1 before"] for r in rows])
    peak = geometric([max(r["C_1"]) for r in rows])
    return [
        *lines,
        "",
        f"While the old task was learned, C at the batch first fell below 1 at step {text(fell)} ("
        f"{fell['n']} of {fell['of']} seeds). C_1 of the old task: before the switch {text(before)}, at its "
        f"highest after {text(peak)}.",
    ]


def _replay_lines(rows: list[dict[str, dict[str, float]]]) -> list[str]:
    lines = [
        "| replay when | share of steps | old task | new task | old − random times "
        "| mean of both − random times |",
        "|---|---|---|---|---|---|",
    ]
    for name in rows[0]:
        cells = [text(mean([r[name][k] for r in rows])) for k in ("share", "old", "new")]
        if "control old" in rows[0][name]:
            gain = [r[name]["old"] - r[name]["control old"] for r in rows]
            both = [g + r[name]["new"] - r[name]["control new"] for g, r in zip(gain, rows, strict=True)]
            cells += [text(mean(gain), 2), text(mean(np.array(both) / 2), 2)]
        else:
            cells += ["", ""]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def figure(found: dict[str, Any], path: Path) -> None:
    """C and accuracy of the old task after the switch, the dimensions, and replay against random times."""
    with styled() as figure_class:
        page = figure_class(figsize=(12.0, 7.0))
        grid = page.subplots(2, 3)
        for row, (kind, parts) in zip(grid, found.items(), strict=True):
            _draw_events(row[0], kind, parts)
            _draw_dimensions(row[1], parts["dimensions"])
            _draw_replay(row[2], parts["replay"])
        page.suptitle(
            "C of the old task rises as it is forgotten and falls as it is learned; bands and bars: 95%",
            fontsize=9,
        )
        page.savefig(path)


def _draw_events(ax: Any, kind: str, parts: dict[str, Any]) -> None:
    for rows, colour, label in (
        (parts["events"], COLOURS[1], "C at the batch"),
        (parts["no switch"], COLOURS[5], "the same, no switch"),
    ):
        c = np.maximum(BATCH * np.array([r["C_1"] for r in rows]), 1e-4)
        t = np.array(rows[0]["steps"]) + 1
        ax.plot(t, np.exp(np.log(c).mean(axis=0)), color=colour, label=label)
    rows = parts["events"]
    band(ax, t, [r["old"] for r in rows], COLOURS[0], "accuracy, old task")
    band(ax, t, [r["new"] for r in rows], COLOURS[2], "accuracy, new task", linestyle="--")
    ax.axhline(1, **GUIDE)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(1e-3, 200)
    ax.set_xlabel("steps after the switch, plus 1")
    ax.set_ylabel("C, accuracy")
    ax.set_title(f"{kind}: order of events")
    ax.legend(fontsize=7, loc="upper right", ncols=2)


def _draw_dimensions(ax: Any, rows: list[dict[str, dict[str, float]]]) -> None:
    windows, names = list(rows[0]), list(rows[0]["before the switch"])
    for k, name in enumerate(names):
        for j, w in enumerate(windows):
            place = len(windows) - 1 - j + 0.18 * (1.5 - k)
            bar(ax, place, [r[w][name] for r in rows], COLOURS[k], name if j == 0 else None)
    ax.set_yticks(range(len(windows)), windows[::-1], fontsize=7)
    ax.set_ylim(-0.5, len(windows) + 0.9)
    ax.set_xlabel("dimension")
    ax.set_title("dimensions per window")
    ax.legend(fontsize=6.5, loc="upper right", ncols=2)


def _draw_replay(ax: Any, rows: list[dict[str, dict[str, float]]]) -> None:
    names = [n for n in rows[0] if "control old" in rows[0][n]]
    for k, name in enumerate(names):
        gain = [r[name]["old"] - r[name]["control old"] for r in rows]
        bar(ax, len(names) - 1 - k, gain, COLOURS[0])
    share = [mean([r[n]["share"] for r in rows])["value"] for n in names]
    labels = [f"{n} ({s:.0%} of steps)" for n, s in zip(names, share, strict=True)]
    ax.set_yticks(range(len(names)), labels[::-1], fontsize=7)
    ax.axvline(0, **GUIDE)
    ax.set_xlabel("old task: less random times", fontsize=9)
    ax.set_title("replay when …")
