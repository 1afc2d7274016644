"""How C_1 and I scale with width, with steps, and with examples per parameter."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim import data
from sdesim import estimators as est
from sdesim.plots.style import GUIDE, styled
from sdesim.support import CORRELATION

from . import network as nw
from .plots import COLOURS, band
from .statistics import Array, bootstrap, geometric, mean, power_law, rank_correlation, text

RATE, BATCH = 0.1, 32
WIDTHS = (4, 8, 16, 32, 64, 128)
EXAMPLES = (100, 200, 400, 800)
STEPS = (30, 60, 125, 250, 500, 1000, 2000, 4000)
BUDGETS = (8_000, 16_000, 32_000, 64_000)
# Training loss, as shares of ln K, at which networks of unequal size are compared.
LEVELS = (0.5, 0.2)
SETS = ("digits", "teacher–student", "teacher–student, fresh examples")
QUANTITIES = ("C_1", "I", "lambda", "test")
SEEDS = 6
Labels = NDArray[np.int64]
Examples = tuple[Array, Labels]
Series = tuple[list[float], Array]


@dataclass(frozen=True, eq=False)
class Source:
    """n examples to train on (or, if fresh, to measure on), 600 to test on, and how a batch is drawn."""

    train: Examples
    test: Examples
    batch: Callable[[np.random.Generator], Examples]


def source(kind: str, n: int, seed: int) -> Source:
    """Digits, or labels that a 20-10-5 network with weights three times as large gives to normal inputs."""
    if kind == "digits":
        d = data.digits(n, 600, seed)
        train, test = (d.x_train, d.y_train), (d.x_test, d.y_test)
    else:
        rng = np.random.default_rng([seed, 41])
        teacher = [(3 * w, b) for w, b in nw.start((20, 10, 5), seed + 500)]
        train, test = _labelled(teacher, rng, n), _labelled(teacher, rng, 600)
        if "fresh" in kind:
            return Source(train, test, lambda r: _labelled(teacher, r, BATCH))

    def batch(r: np.random.Generator) -> Examples:
        rows = r.integers(0, n, BATCH)
        return train[0][rows], train[1][rows]

    return Source(train, test, batch)


def _labelled(teacher: nw.Layers, rng: np.random.Generator, n: int) -> Examples:
    x = rng.standard_normal((n, 20))
    return x, nw.outputs(teacher, x)[1].argmax(axis=1)


def _measure(layers: nw.Layers, found: Source) -> dict[str, float]:
    c = nw.ratio(nw.signals(layers, *found.train))
    sharp = nw.sharpness(layers, *found.train)
    p = max(BATCH * c, 0.0) / (1 + max(BATCH * c, 0.0))
    # d_H = 2: minibatch noise has a variance.
    index = est.intelligence(p, est.stability_margin(sharp, RATE), 2.0).value
    return {"C_1": c, "I": index, "lambda": sharp, "test": nw.loss(layers, *found.test)}


def _run(kind: str, width: int, n: int, seed: int, steps: int) -> dict[str, Any]:
    """Measurements at STEPS, and where the training loss first falls below each of LEVELS."""
    found = source(kind, n, seed)
    classes = 10 if kind == "digits" else 5
    layers = nw.start((found.train[0].shape[1], width, classes), seed)
    rng = np.random.default_rng([seed, 42])
    rows: dict[str, Any] = {}
    levels: dict[str, Any] = {}
    for k in range(1, steps + 1):
        nw.step(layers, nw.mean_gradient(nw.signals(layers, *found.batch(rng))), RATE)
        if k in STEPS:
            rows[str(k)] = _measure(layers, found)
        if len(levels) < len(LEVELS) and k % 10 == 0:
            share = nw.loss(layers, *found.train) / np.log(classes)
            for level in LEVELS:
                if share < level and str(level) not in levels:
                    levels[str(level)] = {**_measure(layers, found), "step": float(k)}
    return {"width": width, "n": n, "d": nw.flat(layers).size, "steps": rows, "levels": levels}


def run(seeds: int, quick: bool) -> dict[str, Any]:
    """Widths at the most examples, and for data that repeat themselves examples at three widths."""
    steps = 500 if quick else 4000
    widths = WIDTHS[1::2] if quick else WIDTHS
    counts = EXAMPLES[1:3] if quick else EXAMPLES
    whole = [(w, counts[-1]) for w in widths]
    pairs = sorted({*whole, *((w, n) for w in widths[1::2] for n in counts)})
    return {
        kind: {
            f"{w}/{n}": [_run(kind, w, n, s, steps) for s in range(seeds)]
            for w, n in (whole if "fresh" in kind else pairs)
        }
        for kind in SETS
    }


def table(found: dict[str, Any]) -> str:
    """Markdown: exponents with intervals, the collapse on n/d, and the compute-optimal widths."""
    lines = [
        "Exponent b of quantity ∝ x^b (in brackets: points, root mean square about the line in decades); "
        "– where fewer than three points have a positive value in every seed:",
        "",
        "| data | quantity | with width, at 0.5 ln K | with width, at 0.2 ln K | with steps, widest "
        "| with examples, at 0.5 ln K | with examples, at 0.2 ln K |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind, cells in found.items():
        for quantity in ("C_1", "I"):
            fits = [
                _fit(width_series(cells, quantity, "0.5")),
                _fit(width_series(cells, quantity, "0.2")),
                _fit(step_series(cells, quantity)),
                _fit(example_series(cells, quantity, "0.5")),
                _fit(example_series(cells, quantity, "0.2")),
            ]
            lines.append(f"| {kind} | {quantity} | " + " | ".join(fits) + " |")
    return "\n".join([*lines, "", *_collapse_lines(found), "", *_optimum_lines(found)])


def _fit(series: Series) -> str:
    x, y = series
    known = (y > 0).all(axis=0)
    if known.sum() < 3:
        return "–"
    law = power_law(np.array(x)[known].tolist(), y[:, known])
    return f"{text(law, 2)} ({known.sum()}, {law['residual']:.2f})"


def _most(cells: dict[str, Any]) -> int:
    return max(int(key.split("/")[1]) for key in cells)


def _by_width(cells: dict[str, Any]) -> dict[int, list[dict[str, Any]]]:
    """Runs with the most examples, by width."""
    most = _most(cells)
    by_width = {int(k.split("/")[0]): rows for k, rows in cells.items() if int(k.split("/")[1]) == most}
    return dict(sorted(by_width.items()))


def _at_level(row: dict[str, Any], quantity: str, level: str) -> float:
    return float(row["levels"][level][quantity]) if level in row["levels"] else math.nan


def width_series(cells: dict[str, Any], quantity: str, level: str) -> Series:
    """Widths (k,) and the quantity (seeds, k) where the loss first falls below the level."""
    by_width = _by_width(cells)
    values = [[_at_level(r, quantity, level) for r in rows] for rows in by_width.values()]
    return [float(w) for w in by_width], np.array(values).T


def step_series(cells: dict[str, Any], quantity: str) -> Series:
    """Steps (k,) and the quantity (seeds, k) of the widest network."""
    by_width = _by_width(cells)
    rows = by_width[max(by_width)]
    steps = list(rows[0]["steps"])
    return [float(s) for s in steps], np.array([[r["steps"][s][quantity] for s in steps] for r in rows])


def example_series(cells: dict[str, Any], quantity: str, level: str) -> Series:
    """Numbers of examples (k,) and the quantity (seeds, k), at the largest width with several."""
    counts: dict[int, dict[int, Any]] = {}
    for key, rows in cells.items():
        w, n = map(int, key.split("/"))
        counts.setdefault(w, {})[n] = rows
    chosen = dict(sorted(counts[max((w for w in counts if len(counts[w]) > 1), default=min(counts))].items()))
    values = [[_at_level(r, quantity, level) for r in rows] for rows in chosen.values()]
    return [float(n) for n in chosen], np.array(values).T


def _collapse_lines(found: dict[str, Any]) -> list[str]:
    """log C_1 = a + b_n log n + b_d log d at 0.5 ln K: on n/d alone, b_d would be −b_n."""
    lines = [
        "At a training loss of 0.5 ln K, C_1 ∝ n^b_n d^b_d over all cells:",
        "",
        "| data | examples, b_n | parameters, b_d | b_n + b_d (0 if only n/d matters) |",
        "|---|---|---|---|",
    ]
    for kind, cells in found.items():
        if len({key.split("/")[1] for key in cells}) > 1:
            laws = [bootstrap(*_exponents(list(cells.values()), pick)) for pick in ([1, 0], [0, 1], [1, 1])]
            lines.append(f"| {kind} | " + " | ".join(text(law, 2) for law in laws) + " |")
    return lines


def _exponents(runs: list[Any], pick: list[int]) -> tuple[int, Callable[[NDArray[np.int64]], float]]:
    """Number of seeds, and pick·(b_n, b_d) fitted to chosen seeds."""
    c = np.array([[_at_level(r, "C_1", "0.5") for r in rows] for rows in runs])
    use = (c > 0).all(axis=1)
    y = np.log(c[use])
    design = np.array([[1.0, math.log(rows[0]["n"]), math.log(rows[0]["d"])] for rows in runs])[use]

    def fitted(seeds: NDArray[np.int64]) -> float:
        solution = np.linalg.lstsq(design, y[:, seeds].mean(axis=1), rcond=None)[0]
        return float(np.array(pick) @ solution[1:])

    return c.shape[1], fitted


def _optimum_lines(found: dict[str, Any]) -> list[str]:
    """For each compute budget (width × steps) the width of least test loss, and C and I there."""
    lines = [
        "| data | width × steps | best width | examples drawn per parameter there | C at the batch there "
        "| I there | rank correlation over widths with low test loss: C | I |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind, cells in found.items():
        for budget in BUDGETS:
            best = optimum(cells, budget)
            if best is not None:
                laws = [
                    geometric(best["width"]), geometric(best["ratio"]), mean(BATCH * best["C_1"]),
                    mean(best["I"]),
                    *(mean(best[f"rank {name}"], support=CORRELATION) for name in ("C_1", "I")),
                ]  # fmt: skip
                lines.append(f"| {kind} | {budget} | " + " | ".join(text(law, 2) for law in laws) + " |")
    return lines


def optimum(cells: dict[str, Any], budget: int) -> dict[str, Array] | None:
    """Of every seed: the width of least test loss at width × steps = budget, and what was measured there;
    None where fewer than four widths were run at this budget."""
    per_width: dict[int, tuple[int, list[dict[str, Any]]]] = {}
    for w, rows in _by_width(cells).items():
        near = STEPS[int(np.abs(np.log(np.array(STEPS) * w / budget)).argmin())]
        if abs(math.log(near * w / budget)) < 0.1 and str(near) in rows[0]["steps"]:
            per_width[w] = (near, rows)
    if len(per_width) < 4:
        return None
    grid = {
        q: np.array([[r["steps"][str(k)][q] for r in rows] for k, rows in per_width.values()])
        for q in QUANTITIES
    }
    ratio = np.array([BATCH * k / rows[0]["d"] for k, rows in per_width.values()])
    best = grid["test"].argmin(axis=0)
    seeds = np.arange(len(best))
    found = {q: grid[q][best, seeds] for q in QUANTITIES}
    for q in ("C_1", "I"):
        found[f"rank {q}"] = np.array([rank_correlation(grid[q][:, s], -grid["test"][:, s]) for s in seeds])
    return {**found, "width": np.array(list(per_width), dtype=np.float64)[best], "ratio": ratio[best]}


def figure(found: dict[str, Any], path: Path) -> None:
    """C_1 over steps, at equal loss over width and examples, and C at the compute-optimal width."""
    with styled() as figure_class:
        page = figure_class(figsize=(12.0, 7.2))
        grid = page.subplots(2, 3)
        for ax, (kind, cells) in zip(grid[0], found.items(), strict=True):
            _draw_steps(ax, kind, cells)
        grid[0][0].legend(fontsize=7)
        _draw_levels(grid[1][0], found, width_series, "width", WIDTHS)
        repeated = {kind: cells for kind, cells in found.items() if "fresh" not in kind}
        _draw_levels(grid[1][1], repeated, example_series, "examples", EXAMPLES)
        grid[1][0].legend(fontsize=6.5, loc="lower left")
        _draw_optima(grid[1][2], found)
        page.suptitle(
            "C falls with training; at equal loss it grows slowly with width; bands: 95%", fontsize=9
        )
        page.savefig(path)


def _draw_steps(ax: Any, kind: str, cells: dict[str, Any]) -> None:
    for k, (w, rows) in enumerate(_by_width(cells).items()):
        steps = list(rows[0]["steps"])
        c = np.array([[r["steps"][s]["C_1"] for s in steps] for r in rows])
        known = (c > 0).all(axis=0)
        band(ax, np.array([float(s) for s in steps])[known], c[:, known], COLOURS[k], f"width {w}")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(25, 5000)
    ax.set_ylim(1e-4, 0.1)
    ax.set_xlabel("steps")
    ax.set_ylabel("C_1, where positive in all seeds")
    ax.set_title(kind, fontsize=9)


def _draw_levels(
    ax: Any, found: dict[str, Any], series: Callable[..., Series], label: str, ticks: Sequence[int]
) -> None:
    for k, (kind, cells) in enumerate(found.items()):
        for level, line in (("0.5", "-"), ("0.2", "--")):
            x, y = series(cells, "C_1", level)
            known = (y > 0).all(axis=0)
            if known.any():
                name = f"{kind}, at {level} ln K"
                band(ax, np.array(x)[known], y[:, known], COLOURS[k], name, linestyle=line, marker="o")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(1e-5, 0.1)
    ax.set_xticks(ticks, [str(t) for t in ticks])
    ax.minorticks_off()
    ax.set_xlabel(label)
    ax.set_ylabel("C_1 at equal loss")


def _draw_optima(ax: Any, found: dict[str, Any]) -> None:
    for k, (kind, cells) in enumerate(found.items()):
        best = {b: o for b in BUDGETS if (o := optimum(cells, b)) is not None}
        if best:
            c = np.array([BATCH * o["C_1"] for o in best.values()]).T
            band(ax, list(best), c, COLOURS[k], kind, marker="o")
            ax.legend(fontsize=7)
    ax.axhline(0, **GUIDE)
    ax.set_xscale("log")
    ax.set_xticks(BUDGETS, [f"{b:,}" for b in BUDGETS])
    ax.minorticks_off()
    ax.set_xlabel("compute, width × steps")
    ax.set_ylabel("C at the batch, width of least test loss")
