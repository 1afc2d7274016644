"""Exit times out of a quartic well under stable noise, over dt: explicit, tamed and implicit steps.

    python -m analysis.exits.overshoot [--trajectories N] [--out DIR]

writes overshoot.md and overshoot.png; six minutes of one core at the default size, most of them of implicit
steps.

The well is b(x² − 1)², b = ¼, the wall its top, the start its bottom at −1. An explicit step −4b dt x(x² − 1)
from beyond √(1 + 1/(4b dt)) ends on the other side of the top, and one from beyond √(1 + 1/(2b dt)) farther
out than it began, though the path itself would be back in the well after a time of order dt. For small noise
each jump that lands out there is so an exit that the equation has not, besides those over the top, and times
are shorter by the factor 1/(1 + r^{−α}), r = √(1 + 1/(4b dt)) − 1: the ratio of the distances of both edges.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import sdesim
from analysis.exits.fractional import mean_exit
from sdesim import events, noise, surfaces
from sdesim.estimators import Estimate
from sdesim.io.files import atomic_write_text
from sdesim.plots.style import styled

BARRIER = 0.25
# Index and scale of the noise, and the steps of each scheme: implicit ones cost about ten times the others.
LONG = (0.02, 0.05, 0.1, 0.2)
STEPS = (0.002, 0.005, 0.01, *LONG)
LAWS = {
    (1.0, 0.02): {"euler-maruyama": STEPS, "tamed-euler": STEPS, "implicit-euler": LONG},
    (1.5, 0.05): {"euler-maruyama": LONG, "tamed-euler": LONG},
}
LOOKS = {
    "euler-maruyama": ("#D55E00", "o", "explicit (euler-maruyama)"),
    "tamed-euler": ("#0072B2", "s", "tamed-euler"),
    "implicit-euler": ("#009E73", "^", "implicit-euler"),
}


def exact(alpha: float, scale: float) -> float:
    """Mean time to the top of the well, of the equation itself."""
    drift = lambda x: -4.0 * BARRIER * x * (x * x - 1.0)  # noqa: E731
    return mean_exit(alpha, scale, drift, -1.0, 0.0, -60.0, returns=True, fine=-2.5)


def artefact(alpha: float, dt: float) -> float:
    """By what factor explicit steps shorten the time, in the limit of small noise."""
    reach = math.sqrt(1.0 + 1.0 / (4.0 * BARRIER * dt)) - 1.0
    return float(1.0 / (1.0 + reach**-alpha))


def measured(scheme: str, alpha: float, scale: float, dt: float, mean: float, n: int) -> Estimate:
    """Mean exit time of n trajectories over the exact mean."""
    steps = math.ceil(15.0 * mean / dt)
    run = sdesim.simulate(
        surfaces.DoubleWell(barrier=BARRIER), noise.Stable(alpha, scale), dt=dt, steps=steps, trajectories=n,
        seed=2, save=(), save_every=steps, scheme=scheme, events=[events.Exit(upper=0.0)], progress=False,
    )  # fmt: skip
    left = sdesim.exit_statistics(run).mean
    value, low, high = (time / mean for time in (left.value, left.low, left.high))
    return replace(left, value=value, low=low, high=high)


Row = tuple[str, float, Estimate]


def rows_of(alpha: float, scale: float, n: int) -> list[Row]:
    """(scheme, dt, ratio to the exact mean) of every scheme and step."""
    mean, found = exact(alpha, scale), []
    for scheme, steps in LAWS[alpha, scale].items():
        for dt in steps:
            found.append((scheme, dt, measured(scheme, alpha, scale, dt, mean, n)))
            print(alpha, *found[-1], flush=True)
    return found


def text(found: Mapping[tuple[float, float], Sequence[Row]], n: int) -> str:
    """The tables."""
    lines = [
        "# Explicit steps and jumps: exit times out of a quartic well", "",
        f"b(x² − 1)², b = {BARRIER:g}, from −1 over the top at 0; {n:,} trajectories each; made by",
        "`python -m analysis.exits.overshoot`. Ratio: mean time over that of the equation itself, with its",
        "95% interval. Artefact: 1/(1 + r^−α), r = √(1 + 1/(4b dt)) − 1, explicit steps for small noise.",
    ]  # fmt: skip
    for (alpha, scale), rows in found.items():
        mean = exact(alpha, scale)
        lines += ["", f"## α = {alpha:g}, scale {scale:g}: exact mean {mean:.0f}", ""]
        lines += ["| scheme | dt | ratio | artefact |", "|---|---|---|---|"]
        for scheme, dt, e in rows:
            said = f"{artefact(alpha, dt):.3f}" if scheme == "euler-maruyama" else ""
            lines.append(f"| {scheme} | {dt:g} | {e.value:.4g} [{e.low:.4g}, {e.high:.4g}] | {said} |")
    return "\n".join(lines) + "\n"


def figure(found: Mapping[tuple[float, float], Sequence[Row]], path: Path) -> None:
    """Ratio over dt, a panel for each law of the noise."""
    with styled() as Figure:
        drawing = Figure(figsize=(9.6, 3.8), layout="constrained")
        panels = drawing.subplots(1, len(found), sharey=True)
        grid = np.geomspace(0.8 * STEPS[0], 1.25 * STEPS[-1], 200)
        for ax, ((alpha, scale), rows) in zip(panels, found.items(), strict=True):
            ax.axhline(1.0, color="#777777", linewidth=1.0)
            law = [artefact(alpha, dt) for dt in grid]
            ax.plot(
                grid, law, color="#D55E00", linestyle=(0, (5, 2)), label="jumps thrown across, small noise"
            )
            for scheme, (colour, marker, label) in LOOKS.items():
                if chosen := [r for r in rows if r[0] == scheme]:
                    draw(ax, chosen, color=colour, marker=marker, label=label)
            ax.set_xscale("log")
            ax.set(xlabel="time step dt", title=f"α = {alpha:g}, scale {scale:g}")
        panels[0].set_ylabel("mean exit time over the exact one")
        panels[0].legend(fontsize=8, loc="lower left")
        drawing.savefig(path, dpi=110)


def draw(ax: Any, rows: Sequence[Row], **look: Any) -> None:
    """Ratios with their intervals; tamed and implicit steps beside one another, where they say the same."""
    value, low, high = np.array([[r[2].value, r[2].low, r[2].high] for r in rows]).T
    bars, aside = [value - low, high - value], 1.08 if look["marker"] == "^" else 1.0
    ax.errorbar(
        [aside * r[1] for r in rows], value, yerr=bars, linestyle="", markersize=4.5, capsize=2, **look
    )


def main() -> None:
    """Measure, write the tables and draw."""
    parser = argparse.ArgumentParser(prog="python -m analysis.exits.overshoot", description=__doc__)
    parser.add_argument("--trajectories", type=int, default=8192)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "results")
    given = parser.parse_args()
    found = {law: rows_of(*law, given.trajectories) for law in LAWS}
    atomic_write_text(given.out / "overshoot.md", text(found, given.trajectories))
    figure(found, given.out / "overshoot.png")


if __name__ == "__main__":
    main()
