"""``python -m analysis.convergence.halving [--out DIR]``: strong error against the tolerance of halved steps.

Beside it: steps of one length on the very same paths, which are all halvings of one depth.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import sdesim
from sdesim import noise, surfaces, walls
from sdesim.io.files import atomic_write_text
from sdesim.plots import convergence
from sdesim.plots.style import styled

HERE = Path(__file__).resolve().parent
TOLERANCES = (1e-1, 1e-2, 1e-3)
DEPTHS = (0, 2, 4)
# No step meets it, so that all are halved to the smallest length.
NEVER = 1e-300


@dataclass(frozen=True)
class Case:
    """What is walked to T = dt · steps, and the tolerance that stands for none."""

    name: str
    surface: Any
    noise: Any
    finest: float
    boundary: tuple[Any, ...] = ()

    def run(self, tolerance: float, smallest_dt: float | None = None) -> Any:
        """100 trajectories over 40 steps of 0.05."""
        return sdesim.simulate(
            self.surface, self.noise, 0.0, dt=0.05, steps=40, trajectories=100, seed=1, save_every=40,
            scheme="euler-maruyama", boundary=self.boundary, tolerance=tolerance, smallest_dt=smallest_dt,
            progress=False,
        )  # fmt: skip


CASES = (
    Case("double well, Gaussian", surfaces.DoubleWell(), noise.Gaussian(diffusion=0.5), 1e-6),
    Case("double well, stable α = 1.5", surfaces.DoubleWell(), noise.Stable(1.5, 0.5), 1e-5),
    Case(
        "reflecting walls, Gaussian", surfaces.Driven(surfaces.Flat(1), 1.0),
        noise.Gaussian(diffusion=0.5), 1e-4, (walls.Reflecting(-1.0, 1.0),),
    ),
)  # fmt: skip


def errors(case: Case) -> list[tuple[str, float, float, float, int]]:
    """(what, E min(|error|, 1) at T, its standard error, steps per step of dt, of them unmet), row by row."""
    true = case.run(case.finest)["theta"].values[:, -1, 0]
    rows = []
    asked: list[tuple[str, float, float | None]] = [(f"tolerance {t:g}", t, None) for t in TOLERANCES]
    asked += [(f"all dt/{2**k}", NEVER if k else np.inf, 0.05 / 2**k if k else None) for k in DEPTHS]
    for what, tolerance, smallest in asked:
        run = case.run(tolerance, smallest)
        off = np.abs(run["theta"].values[:, -1, 0] - true)
        # What has exploded is as far off as can be.
        off = np.minimum(np.where(np.isfinite(off), off, 1.0), 1.0)
        unmet = int(run["unmet_steps"].values.sum()) if tolerance != NEVER else 0
        taken = float(run["steps_taken"].values.mean() / 40)
        rows.append((what, float(off.mean()), float(off.std() / np.sqrt(len(off))), taken, unmet))
    return rows


def main() -> int:
    """Always 0: nothing is promised but that errors fall."""
    parser = argparse.ArgumentParser(prog="python -m analysis.convergence.halving", description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder (default: results/ here)")
    out = parser.parse_args().out
    text = "# Halved steps: strong error against the tolerance\n\n"
    text += "dt = 0.05, T = 2, 100 paths, Euler–Maruyama; made by `python -m analysis.convergence.halving`.\n"
    found = {case.name: errors(case) for case in CASES}
    for name, rows in found.items():
        text += f"\n## {name}\n\n| steps | E min(\\|error\\|, 1) at T | steps per dt | unmet |\n"
        text += "|---|---|---|---|\n"
        text += "".join(f"| {w} | {e:.2g} ± {2 * s:.1g} | {n:.3g} | {u} |\n" for w, e, s, n, u in rows)
    atomic_write_text(out / "halving.md", text)
    figure(found, out / "halving.png")
    print(text)
    return 0


def figure(found: dict[str, list[tuple[str, float, float, float, int]]], out: Path) -> None:
    """Error against the steps taken: by tolerance, and of one length."""
    with styled() as Figure:
        drawing = Figure(figsize=(13.0, 4.0), layout="constrained")
        for ax, (name, rows) in zip(drawing.subplots(1, len(found)), found.items(), strict=True):
            named = {}
            for part, label in (
                (rows[: len(TOLERANCES)], "halved to a tolerance"),
                (rows[len(TOLERANCES) :], "all of one length"),
            ):
                error, spread, taken = np.array([[r[1], r[2], r[3]] for r in part]).T
                named[label] = (taken, error, spread)
            convergence(named, ylabel="E min(|error|, 1) at T", ax=ax)
            ax.set_title(name, fontsize=9)
            ax.set_xlabel("steps taken per dt")
        drawing.savefig(out, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
