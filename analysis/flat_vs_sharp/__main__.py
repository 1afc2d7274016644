"""`python -m analysis.flat_vs_sharp DIR… [--out FOLDER]`: what goes with the accuracy gap, over sweeps.

Each DIR is what `sdesim sweep flat-vs-sharp-digits --out DIR` wrote at images and weights of its own
(README.md says how). Of every training that reaches the training loss 0.05 the gap is training minus
test accuracy there, and beside it stand p and C_1 (there, and as means over the way), the sharpness λ_max and
S. Correlations are Pearson's with −gap between trainings on the same images; their intervals come from a
two-way bootstrap, which draws splits and cells of the grid anew.

A second table goes by η/B, to which the temperature of the particle between two wells is proportional: the
share of its time in the flat well, what the Gibbs law has for it, and λ_max and test accuracy of the network.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

import sdesim
from analysis.claims.estimates import correlation, single, thirds
from sdesim.estimators import Estimate
from sdesim.estimators.core.support import mean_estimate
from sdesim.io.files import atomic_write_json, atomic_write_text
from sdesim.noise.base import Context
from sdesim.scenario import load_scenario

Array = NDArray[np.float64]
LOSS = 0.05
QUANTITIES = ("p", "mean p", "C_1", "mean C_1", "lambda_max", "S")
BESIDE = ("gap", "test", "eta", "B")
CLAIMED = {"p": -0.87}
_LEVEL = 0.95
# Where L/D is above 40 for curvatures from 0.4, and nodes so dense that halving them changes no digit shown.
_REACH, _NODES = 15.0, 200_001


def splits(folders: Sequence[Path]) -> dict[str, Array]:
    """Each quantity (splits, cells), the mean over the seeds of a cell that reached the loss, NaN where none
    did; "reached" and "seeds" count them.

    Raises:
        ValueError: folders of other points, with the images of another, or with a run that is not finished.
    """
    cells = [sorted(path.parent.name for path in folder.glob("points/*/sgd.zarr")) for folder in folders]
    odd = next((f for f, names in zip(folders, cells, strict=True) if names != cells[0] or not names), None)
    if odd is not None:
        raise ValueError(f"{odd}: found other points than in {folders[0]}, or none")
    first = [load_scenario(f / "points" / cells[0][0] / "scenario.yaml").arms["sgd"].train for f in folders]
    images = [train.data.seed for train in first if train is not None]
    if len(set(images)) < len(folders):
        raise ValueError(f"the seeds of the images are {images}: each folder needs a split of its own")
    found = [[cell(folder / "points" / name / "sgd.zarr") for name in cells[0]] for folder in folders]
    return {q: np.array([[c[q] for c in row] for row in found]) for q in found[0][0]}


def finished(path: Path) -> Any:
    """A run that came to its end.

    Raises:
        ValueError: it did not.
    """
    run = sdesim.open_run(path)
    if not run.attrs["complete"]:
        raise ValueError(f"{path}: found an unfinished run; sdesim sweep with --resume goes on with it")
    return run


def cell(path: Path) -> dict[str, float]:
    """One setting on one split."""
    run = finished(path)
    measured, rows = sdesim.measure(run), []
    for k in range(run.sizes["trajectory"]):
        low = np.flatnonzero(run["loss"].values[k] < LOSS)
        if not len(low):
            continue
        at = int(np.searchsorted(run["probe_step"].values, run["step"].values[low[0]]))
        at = min(at, run.sizes["probe"] - 1)
        way = slice(1, at + 1)
        row = [float(measured[name].values[k, at]) for name in ("p", "C_1", "lambda_max", "S")]
        row += [float(measured[name].values[k, way].mean()) for name in ("p", "C_1")]
        train, test = (float(run[f"{side}_accuracy"].values[k, low[0]]) for side in ("train", "test"))
        rows.append([*row, train - test, test])
    names = ("p", "C_1", "lambda_max", "S", "mean p", "mean C_1", "gap", "test")
    values = np.mean(rows, axis=0) if rows else np.full(len(names), np.nan)
    return {
        **dict(zip(names, map(float, values), strict=True)),
        "eta": float(run.attrs["learning_rate"]), "B": float(run.attrs["batch_size"]),
        "reached": float(len(rows)), "seeds": float(run.sizes["trajectory"]),
    }  # fmt: skip


def temperatures(folders: Sequence[Path], table: dict[str, Array]) -> list[dict[str, float]]:
    """One row for each cell, by η/B, over the splits; NaN for the network where none reached the loss."""
    found = []
    names = sorted(path.parent.name for path in folders[0].glob("points/*/sgd.zarr"))
    for k, name in enumerate(names):
        places = [folder / "points" / name for folder in folders]
        wells = load_scenario(places[0] / "scenario.yaml").arms["wells"].simulate
        assert wells is not None
        assert wells.learning_rate is not None
        diffusion = float(wells.noise[0].resolved(Context(1, wells.learning_rate)).diffusion)
        runs = [finished(place / "wells.zarr") for place in places]
        share = np.concatenate([run["occupancy"].sel(well="flat").values for run in runs])
        reached = float(table["reached"][:, k].sum())
        found.append(
            {
                "eta/B": float(table["eta"][0, k] / table["B"][0, k]),
                "flat": float(share.mean()),
                "error": float(share.std(ddof=1) / np.sqrt(len(share))),
                "gibbs": gibbs(wells.surface, diffusion),
                "reached": reached,
                **{
                    q: float(np.nanmean(table[q][:, k])) if reached else np.nan
                    for q in ("lambda_max", "test")
                },
            }
        )
    return sorted(found, key=lambda row: row["eta/B"])


def gibbs(surface: Any, diffusion: float) -> float:
    """Share of exp(−L/D) in the flat well, left of the barrier top, by quadrature."""
    reach = _REACH * np.sqrt(diffusion) + surface.separation
    x = np.linspace(-reach, reach, _NODES)
    weight = np.exp(-surface.loss(x[:, None]) / diffusion)
    return float(weight[x < surface.top].sum() / weight.sum())


def ranks(of: Array) -> Array:
    """Ranks within each split of those that reached the loss (splits, cells)."""
    return np.asarray(rankdata(of, axis=1, nan_policy="omit"))


def study(folders: Sequence[Path]) -> dict[str, Any]:
    """All correlations, and what differs between the flat and the sharp third of the minima."""
    table, rng = splits(folders), np.random.default_rng(0)
    # Settings count where the training reached the loss.
    eta, batch = (np.where(table["reached"] > 0, np.log(table[q]), np.nan) for q in ("eta", "B"))
    found: dict[str, Any] = {
        "seeds": int(table["seeds"].sum()), "reached": int(table["reached"].sum()),
        "splits": len(folders), "cells": eta.shape[1],
    }  # fmt: skip
    for name in QUANTITIES:
        x, y = table[name], -table["gap"]
        alone = single(x, y)
        found[name] = {
            "within": _numbers(correlation(x, y, rng, level=_LEVEL)),
            "given": _numbers(correlation(x, y, rng, (eta, batch), level=_LEVEL)),
            "any": _numbers(correlation(x, y, rng, within=False, level=_LEVEL)),
            "single": [float(np.nanmin(alone)), float(np.nanmax(alone))],
            "range": [float(np.nanmin(x)), float(np.nanmax(x))],
        }
    for q in ("p", "C_1", "lambda_max", "gap", "test"):
        flat, sharp = thirds(table[q], table["lambda_max"])
        found[f"thirds of {q}"] = {
            "flattest": float(flat.mean()), "sharpest": float(sharp.mean()),
            "difference": _numbers(mean_estimate(flat - sharp, level=_LEVEL)),
        }  # fmt: skip
    found["temperatures"] = temperatures(folders, table)
    hot = ranks(eta - batch)
    for name in ("lambda_max", "test"):
        found[f"rank correlation of {name} with eta/B"] = _numbers(
            correlation(hot, ranks(table[name]), rng, level=_LEVEL)
        )
    return found


def _numbers(e: Estimate) -> tuple[float, float, float]:
    return e.value, e.low, e.high


def text(found: dict[str, Any]) -> str:
    """The correlations as a table."""

    def shown(triple: tuple[float, float, float], form: str = "+.2f") -> str:
        return "{:{f}} [{:{f}}, {:{f}}]".format(*triple, f=form)

    lines = [
        f"{found['reached']} of {found['seeds']} trainings, {found['splits']} splits in {found['cells']} "
        f"cells, reach training loss {LOSS}. Correlations are between trainings on the same images; "
        "intervals, 95%, from a two-way bootstrap over splits and cells.",
        "",
        "| quantity | range | r with −gap | in single splits | given log η, log B | between any trainings |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name in QUANTITIES:
        of = found[name]
        low, high = of["range"]
        least, most = of["single"]
        claimed = f" (source: {CLAIMED[name]:+.2f})" if name in CLAIMED else ""
        lines.append(
            f"| {name} | {low:.3g} to {high:.3g} | {shown(of['within'])}{claimed} "
            f"| {least:+.2f} to {most:+.2f} | {shown(of['given'])} | {shown(of['any'])} |"
        )
    lines += [
        "",
        "| third by λ_max | flattest | sharpest | difference, over splits |",
        "|---|---|---|---|",
    ]
    for q in ("p", "C_1", "lambda_max", "gap", "test"):
        of = found[f"thirds of {q}"]
        lines.append(
            f"| {q} | {of['flattest']:.3g} | {of['sharpest']:.3g} | {shown(of['difference'], '+.2g')} |"
        )
    lines += ["", "| η/B | time in the flat well | Gibbs | trainings | λ_max | test accuracy |"]
    lines += ["|---|---|---|---|---|---|"]
    for row in found["temperatures"]:
        network = [f"{row[q]:.3g}" if row["reached"] else "–" for q in ("lambda_max", "test")]
        share = f"{row['flat']:.3f} ± {2 * row['error']:.3f}"
        entries = [f"{row['eta/B']:.2g}", share, f"{row['gibbs']:.3f}",
                   f"{row['reached']:.0f}", *network]  # fmt: skip
        lines.append("| " + " | ".join(entries) + " |")
    of = {n: found[f"rank correlation of {n} with eta/B"] for n in ("lambda_max", "test")}
    lines += ["", f"Rank correlations with η/B within splits: λ_max {shown(of['lambda_max'])}, test accuracy "
              f"{shown(of['test'])}."]  # fmt: skip
    return "\n".join(lines) + "\n"


def main() -> None:
    """Read the sweeps, print the table, and write it with all numbers beside it."""
    parser = argparse.ArgumentParser(prog="python -m analysis.flat_vs_sharp", description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="what sdesim sweep flat-vs-sharp-digits wrote")
    parser.add_argument("--out", type=Path, help="folder for table.md and numbers.json")
    given = parser.parse_args()
    try:
        found = study(given.folders)
    except ValueError as wrong:
        parser.error(str(wrong))
    print(text(found))
    if given.out is not None:
        atomic_write_text(given.out / "table.md", text(found))
        atomic_write_json(given.out / "numbers.json", found, indent=1)


if __name__ == "__main__":
    main()
