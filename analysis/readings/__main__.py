"""``python -m analysis.readings [--quick] [--out DIR]``: progress, predicted, measured and true."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import torch

from analysis.readings.optimizers import COUNTED, EVERYTHING, FURTHER
from analysis.readings.stationary import OPTIMIZERS, Stationary, stationary
from analysis.readings.trial import BRANCHES, STEPS, TRUTH, Interval, Trial, means, trial
from sdesim.io.files import atomic_write_json, atomic_write_text

HERE = Path(__file__).resolve().parent
TRIALS, MORE = 100, 3


def main() -> int:
    """0 whatever is found."""
    parser = argparse.ArgumentParser(prog="python -m analysis.readings", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few trials, for a look")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder (default: results/ here)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    count, more, truth = (12, 1, 300) if arguments.quick else (TRIALS, MORE, TRUTH)
    trials = [trial(list(COUNTED)[k % len(COUNTED)], k, truth=truth) for k in range(count)]
    trials += [trial(name, k, truth=truth) for name in FURTHER for k in range(more)]
    still = [stationary(name, 40, 2000) if arguments.quick else stationary(name) for name in OPTIMIZERS]
    arguments.out.mkdir(parents=True, exist_ok=True)
    text = markdown(trials, still)
    atomic_write_text(arguments.out / "table.md", text)
    atomic_write_json(arguments.out / "numbers.json", numbers(trials, still))
    print(text)
    return 0


def numbers(trials: Sequence[Trial], still: Sequence[Stationary]) -> dict[str, object]:
    """Everything behind the tables."""
    parts = ("predicted", "measured", "truth")
    return {
        "trials": [
            {"optimizer": t.optimizer, "seed": t.seed,
             **{p: [_plain(getattr(t, p).value), _plain(getattr(t, p).half)] for p in parts}}
            for t in trials
        ],
        "stationary": [vars(s) for s in still],
    }  # fmt: skip


def markdown(trials: Sequence[Trial], still: Sequence[Stationary]) -> str:
    """Both tables."""
    counted = [t for t in trials if t.optimizer in COUNTED]
    held = sum(t.measured.holds(t.truth) for t in counted)
    foretold = sum(t.predicted.holds(t.truth) for t in counted)
    lines = [
        f"Change of the loss by the next step, in units of 1e-4, after {STEPS} steps of each optimizer: mean "
        f"over the trials ± half-width at 95%. Measured: {BRANCHES} branched steps. Truth: "
        f"{TRUTH:,} branched steps.",
        "",
        "| optimizer | trials | predicted | measured | truth | predicted holds | measured holds |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in EVERYTHING:
        own = [t for t in trials if t.optimizer == name]
        if own:
            shown = [_shown(means(own, part)) for part in ("predicted", "measured", "truth")]
            holds = [_holds(own, part) for part in ("predicted", "measured")]
            lines.append(f"| {' | '.join([name, str(len(own)), *shown, *holds])} |")
    lines += [
        "",
        f"Over {len(counted)} trials of the first six the 95% interval of measured progress holds the truth "
        f"in {held}, that of the prediction in {foretold}, the truth's own error included.",
        "",
        "Stationary state of a logistic regression, where C must equal C*: mean over readings; the last but "
        "one column is what a formula for the step −η g says.",
        "",
        "| optimizer | C | C* | C/C* | C/C* of a plain step | C − C*, error at 95% |",
        "|---|---|---|---|---|---|",
    ]
    for s in still:
        lines.append(
            f"| {s.optimizer} | {s.c:.4f} | {s.star:.4f} | {s.c / s.star:.2f} | {s.c / s.plain_star:.1f} "
            f"| {s.c - s.star:+.4f} ± {s.error:.4f} |"
        )
    return "\n".join(lines) + "\n"


def _shown(e: Interval) -> str:
    value, half = e.value, e.half
    return "none" if math.isnan(value) else f"{1e4 * value:.2f} ± {1e4 * half:.2f}"


def _holds(trials: Sequence[Trial], part: str) -> str:
    if math.isnan(getattr(trials[0], part).value):
        return ""
    return f"{sum(getattr(t, part).holds(t.truth) for t in trials)} of {len(trials)}"


def _plain(x: float) -> float | None:
    return None if math.isnan(x) else x


if __name__ == "__main__":
    raise SystemExit(main())
