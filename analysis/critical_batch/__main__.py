"""Measured critical batches against noise scales: `python -m analysis.critical_batch`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .cells import CHECKPOINTS, GRID, NAMES, file_of, kept
from .measure import FAR, NEAR
from .path import table as path_table
from .predictors import NAMES as PREDICTORS
from .verdict import Numbers, Score, chosen, interval, numbers, pooled, score

RESULTS = Path(__file__).parent / "results"
TIMES = ("early", "middle", "late")
Cell = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """Problems and targets that are judged together: by the last of the horizons."""

    title: str
    folder: str
    problems: tuple[str, ...]
    horizons: tuple[int, ...]


PARTS = (
    Part("Six problems, far targets", "cells", NAMES, FAR),
    Part("Five problems, near targets", "near", NAMES[:5], NEAR),
    Part("Least squares, far targets", "least_squares", tuple(GRID), FAR),
    Part("Least squares, near targets", "least_squares_near", tuple(GRID), NEAR),
)


@dataclass(frozen=True)
class Judged:
    """A part's cells, its numbers by the last horizon's fit, its knee and the first horizon's fit, and the
    scores of each."""

    part: Part
    cells: Sequence[Cell]
    numbers: dict[str, Numbers]
    scores: dict[str, dict[str, Score]]


def judged(part: Part, cells: Sequence[Cell]) -> Judged:
    """Score all predictors on these cells."""
    first, last = part.horizons
    ways = {f"{last} steps, fit": (last, False), f"{last} steps, knee": (last, True)}
    ways[f"{first} steps, fit"] = (first, False)
    found = {title: numbers(cells, *how) for title, how in ways.items()}
    scores = {title: {name: score(n, name) for name in PREDICTORS} for title, n in found.items()}
    return Judged(part, cells, found, scores)


def _span(x: tuple[float, float, float]) -> str:
    return "–" if np.isnan(x[0]) else f"{x[0]:.3g} [{x[1]:.3g}, {x[2]:.3g}]"


def table(of: Judged) -> list[str]:
    """A line for each cell: measured three ways, and every predictor."""
    first = next(iter(of.numbers.values()))
    lines = [
        f"| problem | checkpoint (loss) | {' | '.join(of.numbers)} | {' | '.join(PREDICTORS)} |",
        "|---" * (2 + len(of.numbers) + len(PREDICTORS)) + "|",
    ]
    for k, cell in enumerate(of.cells):
        loss = f"{TIMES[cell['checkpoint']]} ({np.mean(cell['loss']):.3g})"
        spans = [_span(interval(n.measured[k])) for n in of.numbers.values()]
        scales = [_span(interval(first.predicted[name][k])) for name in PREDICTORS]
        lines.append(f"| {cell['problem']} | {loss} | {' | '.join([*spans, *scales])} |")
    return lines


def verdict(scores: dict[str, Score]) -> list[str]:
    """A line for each predictor."""
    lines = [
        "| predictor | within a factor of 2 | predicted/measured | rank correlation | rms log₂ ratio "
        "| of a constant | 90% of cells within | beats it | within 2, factor divided out | verdict |",
        "|---" * 10 + "|",
    ]
    for name, s in scores.items():
        cells = [
            name, _span(s.within), _span(s.bias), _span(s.rank), _span(s.error), f"{s.constant:.2f}",
            f"{s.factor_of_most:.2g}", f"{s.beats_constant:.2f}", f"{s.within_scaled:.2f}", f"**{s.word}**",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def report(parts: Sequence[Judged], results: Path) -> None:
    """Write table, verdict and figure."""
    lines = ["Examples; geometric means over seeds with Student's 95% intervals; – is not resolved.", ""]
    for of in parts:
        title, scores = next(iter(of.scores.items()))
        measured = pooled(of.numbers[title].measured)
        lines += [f"## {of.part.title}", "", *table(of), ""]
        for way, found in of.scores.items():
            lines += [f"### {of.part.title}: {way}", "", *verdict(found), ""]
        best = chosen(scores)
        resolved = int(np.isfinite(measured).sum())
        lines += [
            f"{resolved} of {len(of.cells)} cells resolved by the first; the cheapest predictor that "
            f"survives: {best or 'none'}.",
            "",
        ]
    exact = [of for of in parts if set(of.part.problems) <= set(GRID)]
    if exact:
        ways = [(h, of.cells, numbers(of.cells, h)) for of in exact for h in of.part.horizons]
        lines += ["## Least squares, the noise scale along the way", "", *path_table(ways), ""]
    results.mkdir(parents=True, exist_ok=True)
    (results / "table.md").write_text("\n".join(lines), encoding="utf-8")
    plain = {
        of.part.title: {way: {n: vars(s) for n, s in by.items()} for way, by in of.scores.items()}
        for of in parts
    }
    (results / "verdict.json").write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    from .figure import figure

    figure(parts).savefig(results / "critical_batch.png", dpi=110)


def main(measure: bool = True, say: Callable[[str], Any] = print) -> None:
    """Measure what is missing, or leave it out, then report."""
    found = []
    for part in PARTS:
        places = [(name, k) for name in part.problems for k in range(CHECKPOINTS)]
        folder = RESULTS / part.folder
        cells = [
            kept(folder, name, k, part.horizons, say)
            for name, k in places
            if measure or file_of(folder, name, k).exists()
        ]
        found.append(judged(part, cells))
    report(found, RESULTS)


if __name__ == "__main__":
    main(measure="--kept" not in sys.argv[1:])
