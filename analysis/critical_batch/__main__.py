"""Measured critical batches against noise scales: `python -m analysis.critical_batch`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .cells import CHECKPOINTS, NAMES, kept
from .measure import HORIZONS
from .predictors import NAMES as PREDICTORS
from .verdict import Numbers, Score, chosen, interval, numbers, pooled, score

RESULTS = Path(__file__).parent / "results"
TIMES = ("early", "middle", "late")
VARIANTS = {"32 steps, fit": (32, False), "32 steps, knee": (32, True), "8 steps, fit": (8, False)}


def _span(x: tuple[float, float, float]) -> str:
    return "–" if np.isnan(x[0]) else f"{x[0]:.3g} [{x[1]:.3g}, {x[2]:.3g}]"


def table(cells: Sequence[dict[str, Any]], found: Numbers, knees: Numbers, short: Numbers) -> list[str]:
    """A line for each cell: measured three ways, and every predictor."""
    lines = [
        f"| problem | checkpoint (loss) | measured, {HORIZONS[-1]} steps | knee | {HORIZONS[0]} steps "
        f"| {' | '.join(PREDICTORS)} |",
        "|---" * (5 + len(PREDICTORS)) + "|",
    ]
    for k, cell in enumerate(cells):
        loss = f"{TIMES[cell['checkpoint']]} ({np.mean(cell['loss']):.3g})"
        spans = [_span(interval(n.measured[k])) for n in (found, knees, short)]
        scales = [_span(interval(found.predicted[name][k])) for name in PREDICTORS]
        lines.append(f"| {cell['problem']} | {loss} | {' | '.join([*spans, *scales])} |")
    return lines


def _scores(found: Numbers) -> dict[str, Score]:
    return {name: score(found, name) for name in PREDICTORS}


def verdict(scores: dict[str, Score]) -> list[str]:
    """A line for each predictor."""
    lines = [
        "| predictor | batch | within a factor of 2 | predicted/measured | rank correlation | rms log₂ ratio "
        "| of a constant | 90% of cells within | beats it | within 2, factor divided out | verdict |",
        "|---" * 11 + "|",
    ]
    for name, s in scores.items():
        cells = [
            name, PREDICTORS[name].replace("|", "\\|"), _span(s.within), _span(s.bias), _span(s.rank),
            _span(s.error), f"{s.constant:.2f}", f"{s.factor_of_most:.2g}", f"{s.beats_constant:.2f}",
            f"{s.within_scaled:.2f}", f"**{s.word}**",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def report(cells: Sequence[dict[str, Any]], results: Path) -> None:
    """Write table, verdict and figure of these cells."""
    variants = {title: numbers(cells, *how) for title, how in VARIANTS.items()}
    main_one, knees, short = variants.values()
    scores = {title: _scores(found) for title, found in variants.items()}
    first = next(iter(scores.values()))
    resolved = int(np.isfinite(pooled(main_one.measured)).sum())
    lines = [
        "Examples; geometric means over seeds with Student's 95% intervals.", "",
        *table(cells, main_one, knees, short), "",
    ]  # fmt: skip
    for title, found in scores.items():
        lines += [f"## {title}", "", *verdict(found), ""]
    lines += [f"{resolved} of {len(cells)} cells resolved by the first. The advice uses: {chosen(first)}."]
    results.mkdir(parents=True, exist_ok=True)
    (results / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    kept_scores = {t: {n: vars(s) for n, s in by.items()} for t, by in scores.items()}
    (results / "verdict.json").write_text(json.dumps(kept_scores, indent=1) + "\n", encoding="utf-8")
    from .figure import figure

    figure(cells, main_one, first, HORIZONS[-1]).savefig(results / "critical_batch.png", dpi=110)


def main() -> None:
    """Measure what is missing, then report."""
    cells = [kept(RESULTS / "cells", name, k) for name in NAMES for k in range(CHECKPOINTS)]
    report(cells, RESULTS)


if __name__ == "__main__":
    main()
