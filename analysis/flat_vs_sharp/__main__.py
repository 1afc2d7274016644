"""`python -m analysis.flat_vs_sharp DIR [--out FOLDER]`: what goes with the accuracy gap, over a sweep.

DIR is what `sdesim sweep flat-vs-sharp-digits --out DIR` wrote. Of every seed that reaches the training
loss 0.05 the gap is training minus test accuracy there, and beside it stand p and C_1 (there, and as means
over the way), the sharpness λ_max and S. Correlations are Pearson's with −gap; their intervals come from
drawing the cells of the grid, not the seeds: those of one cell say nothing new of learning rate and batch.

A second table goes by η/B, to which the temperature of the particle between two wells is proportional: the
share of its time in the flat well, what the Gibbs law has for it, and λ_max and test accuracy of the network.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

import sdesim
from analysis.claims.estimates import bootstrap, correlation
from sdesim.io.files import atomic_write_json, atomic_write_text
from sdesim.noise.base import Context
from sdesim.scenario import load_scenario

Array = NDArray[np.float64]
LOSS = 0.05
QUANTITIES = ("p", "mean p", "C_1", "mean C_1", "lambda_max", "S")
CLAIMED = {"p": -0.87}
_DRAWS = 4000
_LEVEL = 0.95
# Where L/D is above 40 for curvatures from 0.4, and nodes so dense that halving them changes no digit shown.
_REACH, _NODES = 15.0, 200_001


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


def temperatures(folder: Path, table: list[dict[str, float]]) -> list[dict[str, float]]:
    """One row for each cell, by η/B; NaN for the network where no seed of the cell reached the loss."""
    found = []
    for cell, path in enumerate(sorted(folder.glob("points/*/wells.zarr"))):
        arms = load_scenario(path.parent / "scenario.yaml").arms
        sgd, wells = arms["sgd"].train, arms["wells"].simulate
        assert sgd is not None
        assert wells is not None
        assert wells.learning_rate is not None
        diffusion = float(wells.noise[0].resolved(Context(1, wells.learning_rate)).diffusion)
        share = sdesim.open_run(path)["occupancy"].sel(well="flat").values
        reached = [row for row in table if row["cell"] == cell]
        found.append(
            {
                "eta/B": sgd.optimizer.lr / (sgd.optimizer.batch_size or np.nan),
                "flat": float(share.mean()),
                "error": float(share.std(ddof=1) / np.sqrt(len(share))),
                "gibbs": gibbs(wells.surface, diffusion),
                "seeds": float(len(reached)),
                **{q: float(np.mean([r[q] for r in reached])) if reached else np.nan
                   for q in ("lambda_max", "test")},
            }
        )  # fmt: skip
    return sorted(found, key=lambda row: row["eta/B"])


def gibbs(surface: Any, diffusion: float) -> float:
    """Share of exp(−L/D) in the flat well, left of the barrier top, by quadrature."""
    reach = _REACH * np.sqrt(diffusion) + surface.separation
    x = np.linspace(-reach, reach, _NODES)
    weight = np.exp(-surface.loss(x[:, None]) / diffusion)
    return float(weight[x < surface.top].sum() / weight.sum())


def column(table: list[dict[str, float]], name: str) -> Array:
    """One quantity of all rows."""
    return np.array([row[name] for row in table])


def interval(x: Array, y: Array, cells: Array, given: Array | None = None) -> tuple[float, float, float]:
    """`correlation` with its interval from 4,000 draws of whole cells."""
    members = [np.flatnonzero(cells == name) for name in np.unique(cells)]

    def statistic(drawn: Array) -> float:
        rows = np.concatenate([members[int(k)] for k in drawn])
        return correlation(x[rows], y[rows], None if given is None else given[rows])

    found = bootstrap(statistic, np.arange(len(members)), np.random.default_rng(0), _DRAWS, level=_LEVEL)
    return found.value, found.low, found.high


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
    found["temperatures"] = by_heat = temperatures(folder, table)
    known = [row for row in by_heat if row["seeds"]]
    for name in ("lambda_max", "test"):
        ranks = (rankdata([row[q] for row in known]) for q in ("eta/B", name))
        found[f"rank correlation of {name} with eta/B"] = interval(*ranks, np.arange(len(known)))
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
    heat = found["temperatures"]
    assert isinstance(heat, list)
    lines += ["", "| η/B | time in the flat well | Gibbs | seeds | λ_max | test accuracy |"]
    lines += ["|---|---|---|---|---|---|"]
    for row in heat:
        network = [f"{row[q]:.3g}" if row["seeds"] else "–" for q in ("lambda_max", "test")]
        cells = [f"{row['eta/B']:.2g}", f"{row['flat']:.3f} ± {2 * row['error']:.3f}", f"{row['gibbs']:.3f}",
                 f"{row['seeds']:.0f}", *network]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    of = {n: found[f"rank correlation of {n} with eta/B"] for n in ("lambda_max", "test")}
    lines += ["", f"Rank correlations with η/B over cells: λ_max {cell(of['lambda_max'])}, test accuracy "
              f"{cell(of['test'])}."]  # fmt: skip
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
        atomic_write_text(given.out / "table.md", text(found))
        atomic_write_json(given.out / "numbers.json", found, indent=1)


if __name__ == "__main__":
    main()
