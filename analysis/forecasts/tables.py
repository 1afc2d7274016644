"""Coverage, PIT and CRPS by problem and horizon, as a table, a file of numbers and a figure."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from sdesim.plots.style import styled

_RESAMPLES = 2000
METHODS = (
    "forecast", "rebuilt along the path", "rebuilt at θ alone", "curve extrapolated", "training branched",
)  # fmt: skip
Row = dict[str, Any]


def summarised(rows: list[Row]) -> list[Row]:
    """One row for each problem, quantity, horizon and method: coverage of the 50% and 90% bands with a 95%
    interval of the bootstrap over checkpoints, mean and standard deviation of the PIT (½ and 0.289), CRPS
    over that of branching."""
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["problem"], row["quantity"], row["ahead"], row["method"]].append(row)
    found = []
    for (problem, quantity, ahead, method), members in groups.items():
        owners: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
        for row in members:
            owners[row["seed"], row["stage"]].append(row)
        parts = [np.array([r["pit"] for r in part]) for part in owners.values()]
        pits = np.concatenate(parts)
        scores = np.array([r["crps"] for r in members])
        best = np.array([r["crps"] for r in groups[problem, quantity, ahead, "training branched"]])
        made: Row = {
            "problem": problem, "quantity": quantity, "ahead": ahead, "method": method, "n": len(members),
            "pit_mean": float(pits.mean()), "pit_std": float(pits.std()),
            "crps_over_branching": float(scores.mean() / best.mean()),
        }  # fmt: skip
        rng = np.random.default_rng(0)
        drawn = rng.integers(0, len(parts), (_RESAMPLES, len(parts)))
        for level in (0.5, 0.9):
            inside = np.array([(np.abs(p - 0.5) <= level / 2).mean() for p in parts])
            low, high = np.quantile(inside[drawn].mean(axis=1), [0.025, 0.975])
            made[f"within_{level:g}"] = [float(inside.mean()), float(low), float(high)]
        found.append(made)
    return found


def write(rows: list[Row], folder: Path) -> None:
    """table.md, numbers.json and pit.svg."""
    found = summarised(rows)
    (folder / "numbers.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    lines = [
        "| problem | quantity | steps ahead | forecast by | n | within 50% | within 90% | PIT | CRPS "
        "over branching |\n|---|---|---|---|---|---|---|---|---|",
    ]
    for row in found:
        half, most = (_share(row[f"within_{level}"]) for level in ("0.5", "0.9"))
        crps = row["crps_over_branching"]
        score = "" if np.isnan(crps) else f"{crps:.3g}"
        lines.append(
            f"| {row['problem']} | {row['quantity'].replace('_', ' ')} | {row['ahead']} | {row['method']} | "
            f"{row['n']} | {half} | {most} | {row['pit_mean']:.2f} ± {row['pit_std']:.2f} | {score} |"
        )
    (folder / "table.md").write_text("\n".join(lines) + "\n")
    _draw(rows, folder / "pit.svg")


def _share(found: list[float]) -> str:
    return "{:.0%} [{:.0%}, {:.0%}]".format(*found)


def _draw(rows: list[Row], target: Path) -> None:
    """Histograms of the PIT, problems by methods, over horizons and quantities."""
    names = list(dict.fromkeys(row["problem"] for row in rows))
    with styled() as Figure:
        figure = Figure(figsize=(2.1 * len(METHODS), 1.7 * len(names)))
        axes = figure.subplots(len(names), len(METHODS), sharex=True, sharey=True)
        for line, problem in zip(axes, names, strict=True):
            for ax, method in zip(line, METHODS, strict=True):
                pits = [r["pit"] for r in rows if r["problem"] == problem and r["method"] == method]
                if pits:
                    ax.hist(pits, bins=np.linspace(0, 1, 11), density=True, color="#0072B2", alpha=0.7)
                ax.axhline(1.0, color="#777777", linewidth=1.0, linestyle=(0, (2, 2)))
                ax.set_ylim(0, 4)
            line[0].set_ylabel(problem)
        for ax, method in zip(axes[0], METHODS, strict=True):
            ax.set_title(method, fontsize=8)
        for ax in axes[-1]:
            ax.set_xlabel("place among the draws (PIT)")
        figure.savefig(target)
