"""Coverage of smoothed C, phases decided and wrong, and change points: `python -m analysis.smoothing`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sdesim import estimators as est

from .trial import CRITICAL, LEVEL, TRUTHS, Reading, read, times

RESULTS = Path(__file__).parent / "results" / "table.md"
TRAININGS, PLACES, DRAWS = 100, (10, 30, 60), (16, 64)
Array = NDArray[np.float64]


def coverage(found: Reading) -> tuple[str, str, str, str]:
    """Coverage of single and smoothed readings, and width and error of these in units of the former's."""
    single, smoothed = found.single, found.smoothed
    inside = (smoothed.low <= found.truth) & (found.truth <= smoothed.high)
    alone = (single.low <= found.truth) & (found.truth <= single.high)
    width = float((smoothed.high - smoothed.low).sum() / (single.high - single.low).sum())
    spread = np.sqrt(((single.value - found.truth) ** 2).mean(axis=0))
    error = float(np.sqrt((((smoothed.value - found.truth) / spread) ** 2).mean()))
    each = inside.mean(axis=1)
    doubt = 1.96 * each.std() / np.sqrt(len(each))
    return f"{alone.mean():.3f}", f"{inside.mean():.3f} ± {doubt:.3f}", f"{width:.2f}", f"{error:.2f}"


def decided(words: NDArray[np.str_], truth: Array) -> tuple[str, str]:
    """Share of phases that are decided, and the share of wrong ones of all."""
    right = np.where(truth > CRITICAL, "generalization", "exploration")
    sure = (words == "generalization") | (words == "exploration")
    # At C* itself either word is wrong.
    wrong = sure & ((words != right) | (truth == CRITICAL))
    return f"{sure.mean():.2f}", f"{wrong.mean():.4f}"


def changes(found: Reading) -> tuple[str, str, str]:
    """Change points per training, true ones found and covered, and those that hold no true change."""
    side = found.truth > CRITICAL
    true = found.times[1:][side[1:] != side[:-1]], found.times[:-1][side[1:] != side[:-1]]
    made, covered, empty = 0, 0, 0
    for k in range(len(found.single.value)):
        points = est.change_points(found.excess[k], found.times)  # type: ignore[arg-type]
        made += len(points)
        held = [
            [p.low <= before and after <= p.high for p in points] for after, before in zip(*true, strict=True)
        ]
        covered += sum(any(h) for h in held)
        empty += sum(not any(h[j] for h in held) for j in range(len(points)))
    total = len(true[0]) * len(found.single.value)
    share = f"{covered / total:.2f}" if total else "–"
    return f"{len(true[0])}", share, f"{empty / max(made, 1):.3f}" if made else "–"


def row(name: str, places: int, n: int, heavy: bool, trainings: int = TRAININGS) -> tuple[str, str]:
    """A line of either table."""
    rng = np.random.default_rng([places, n, heavy, list(TRUTHS).index(name)])
    found = read(name, times(places, rng), n, trainings, rng, heavy)
    first = f"| {name} | {places} | {n}{', t₅' if heavy else ''} | "
    before, after = decided(found.phases, found.truth), decided(found.smoothed_phases, found.truth)
    return (
        f"{first}{' | '.join(coverage(found))} |",
        f"{first}{before[0]} | {after[0]} | {before[1]} | {after[1]} | {' | '.join(changes(found))} |",
    )


def main() -> None:
    """Write the tables."""
    cells = [
        *((name, places, n, False) for places in PLACES for n in DRAWS for name in TRUTHS),
        *((name, 30, 64, True) for name in TRUTHS),
    ]
    rows = [row(*cell) for cell in cells]
    lines = [
        f"{TRAININGS} trainings a line, C of n gradients (d_eff 12) at irregular times, C* = {CRITICAL:g} "
        f"from 8 directions a reading, level {LEVEL:g}.",
        "",
        "## C",
        "",
        "Width (of intervals, those of single readings cut off at 0) and error (root mean square) in units "
        "of those of single readings.",
        "",
        "| truth | readings | n | coverage, single | coverage, smoothed | width | error |",
        "|---|---|---|---|---|---|---|",
        *(line for line, _ in rows),
        "",
        "## Phase and change points",
        "",
        "Wrong: share of all places; at C = C* any decision is wrong. Changes: true ones, share of them that "
        "a change point holds, share of change points that hold none.",
        "",
        "| truth | readings | n | decided, single | decided, smoothed | wrong, single | wrong, smoothed | "
        "changes | held | empty |",
        "|---|---|---|---|---|---|---|---|---|---|",
        *(line for _, line in rows),
    ]
    RESULTS.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
