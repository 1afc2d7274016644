"""`python -m analysis.flat_vs_sharp DIR [--out FOLDER]`: what goes with the accuracy gap, over a sweep.

DIR is what `sdesim sweep flat-vs-sharp-digits --out DIR` wrote. Of every seed that reaches the training
loss 0.05 the gap is training minus test accuracy there, and beside it stand p and C_1 (there, and as means
over the way), the sharpness λ_max and S. Correlations are Pearson's with −gap; their intervals come from
drawing the cells of the grid, not the seeds: those of one cell say nothing new of learning rate and batch.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import sdesim

Array = NDArray[np.float64]
LOSS = 0.05
QUANTITIES = ("p", "mean p", "C_1", "mean C_1", "lambda_max", "S")
CLAIMED = {"p": -0.87}
_DRAWS = 4000
_LEVEL = 0.95


def rows(folder: Path) -> tuple[list[dict[str, float]], int]:
    """One row for each seed that reached the loss, with its cell; and how many seeds there were."""
    found, seeds = [], 0
    for cell, path in enumerate(sorted(folder.glob("points/*/sgd.zarr"))):
        run = sdesim.open_run(path)
        measured = sdesim.measure(run)
        for k in range(run.sizes["trajectory"]):
            seeds += 1
            low = np.flatnonzero(run["loss"].values[k] < LOSS)
            if not len(low):
                continue
            at = int(np.searchsorted(run["probe_step"].values, run["step"].values[low[0]]))
            at = min(at, run.sizes["probe"] - 1)
            way = slice(1, at + 1)
            row = {name: float(measured[name].values[k, at]) for name in ("p", "C_1", "lambda_max", "S")}
            row |= {f"mean {name}": float(measured[name].values[k, way].mean()) for name in ("p", "C_1")}
            train, test = (float(run[f"{side}_accuracy"].values[k, low[0]]) for side in ("train", "test"))
            eta, batch = float(run.attrs["learning_rate"]), float(run.attrs["batch_size"])
            found.append(
                row | {"cell": float(cell), "eta": eta, "B": batch, "gap": train - test, "test": test}
            )
    return found, seeds


def column(table: list[dict[str, float]], name: str) -> Array:
    """One quantity of all rows."""
    return np.array([row[name] for row in table])


def correlation(x: Array, y: Array, given: Array | None = None) -> float:
    """Pearson's r of x and y (n,), with `given` (n, k) of what a linear fit to it leaves of them; NaN where
    nothing varies."""
    if given is not None:
        design = np.column_stack([np.ones(len(x)), given])
        x, y = (v - design @ np.linalg.lstsq(design, v, rcond=None)[0] for v in (x, y))
    return float(np.corrcoef(x, y)[0, 1]) if x.std() > 0 and y.std() > 0 else float("nan")


def interval(x: Array, y: Array, cells: Array, given: Array | None = None) -> tuple[float, float, float]:
    """`correlation` with its interval from 4,000 draws of whole cells."""
    rng = np.random.default_rng(0)
    members = [np.flatnonzero(cells == name) for name in np.unique(cells)]
    drawn = []
    for _ in range(_DRAWS):
        chosen = np.concatenate([members[k] for k in rng.integers(0, len(members), len(members))])
        drawn.append(correlation(x[chosen], y[chosen], None if given is None else given[chosen]))
    tail = 50 * (1 - _LEVEL)
    low, high = np.nanpercentile(drawn, [tail, 100 - tail])
    return correlation(x, y, given), float(low), float(high)


def study(folder: Path) -> dict[str, object]:
    """All correlations, and p in the flat and in the sharp third of the minima."""
    table, seeds = rows(folder)
    gap, cells = column(table, "gap"), column(table, "cell")
    given = np.log(np.column_stack([column(table, "eta"), column(table, "B")]))
    found: dict[str, object] = {"seeds": seeds, "reached": len(table), "cells": len(np.unique(cells))}
    for name in QUANTITIES:
        x = column(table, name)
        found[name] = {
            "all": interval(x, -gap, cells),
            "partial": interval(x, -gap, cells, given),
            "range": [float(x.min()), float(x.max())],
        }
    order = np.argsort(column(table, "lambda_max"))
    third = len(order) // 3
    for name, chosen in (("flattest", order[:third]), ("sharpest", order[-third:])):
        found[name] = {
            q: float(column(table, q)[chosen].mean()) for q in ("p", "C_1", "lambda_max", "gap", "test")
        }
    return found


def text(found: dict[str, object]) -> str:
    """The correlations as a table."""

    def cell(triple: tuple[float, float, float]) -> str:
        return "{:+.2f} [{:+.2f}, {:+.2f}]".format(*triple)

    lines = [
        f"{found['reached']} of {found['seeds']} seeds in {found['cells']} cells reach training loss {LOSS}.",
        "",
        "| quantity | range | r with −gap | the same, given log η and log B |", "|---|---|---|---|",
    ]  # fmt: skip
    for name in QUANTITIES:
        of = found[name]
        assert isinstance(of, dict)
        low, high = of["range"]
        claimed = f" (source: {CLAIMED[name]:+.2f})" if name in CLAIMED else ""
        lines.append(
            f"| {name} | {low:.3g} to {high:.3g} | {cell(of['all'])}{claimed} | {cell(of['partial'])} |"
        )
    lines += ["", "| third | p | C_1 | λ_max | gap | test accuracy |", "|---|---|---|---|---|---|"]
    for name in ("flattest", "sharpest"):
        of = found[name]
        assert isinstance(of, dict)
        lines.append(f"| {name} | " + " | ".join(f"{v:.3g}" for v in of.values()) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Read the sweep, print the table, and write it with all numbers beside it."""
    parser = argparse.ArgumentParser(prog="python -m analysis.flat_vs_sharp", description=__doc__)
    parser.add_argument("folder", type=Path, help="what sdesim sweep flat-vs-sharp-digits wrote")
    parser.add_argument("--out", type=Path, help="folder for table.md and numbers.json")
    given = parser.parse_args()
    found = study(given.folder)
    if not found["reached"]:
        parser.error(f"no run of {given.folder} reached training loss {LOSS}")
    print(text(found))
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / "table.md").write_text(text(found), encoding="utf-8")
        (given.out / "numbers.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
