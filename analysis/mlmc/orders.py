"""``python -m analysis.mlmc.orders``: orders that `sdesim.convergence` finds for five equations."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import Any

from sdesim import convergence, noise, sdes, surfaces
from sdesim.io.files import atomic_write_text
from sdesim.plots.style import styled

HERE = Path(__file__).resolve().parent
WELL, BOWL = surfaces.DoubleWell(barrier=0.25), surfaces.Quadratic([1.0])


def cosine(x: Any) -> float:
    """cos x."""
    return math.cos(x[0])


def mean(x: Any) -> float:
    """x."""
    return x[0]


# What is known of each: the strong order and the weak one.
CASES: dict[str, tuple[Any, dict[str, Any], float, float]] = {
    "Ornstein–Uhlenbeck, Euler": (sdes.OrnsteinUhlenbeck(1.0, 0.5), {"theta0": 2.0}, 1.0, 1.0),
    "geometric Brownian, Euler": (sdes.GeometricBrownian(0.5, 0.5), {"quantity": mean}, 0.5, 1.0),
    "double well, SRA1": (
        WELL, {"noise": noise.Gaussian(diffusion=0.2), "scheme": "sra1", "theta0": 0.5}, 1.5, 2.0
    ),
    "multiplicative noise, Milstein": (
        BOWL, {"noise": noise.Multiplicative(0.5), "scheme": "milstein", "theta0": 1.0}, 1.0, 1.0
    ),
    "α-stable noise (1.5), Euler": (
        BOWL, {"noise": noise.Stable(alpha=1.5, scale=0.3), "quantity": cosine, "theta0": 1.0}, 1.0, 1.0
    ),
}  # fmt: skip


def main() -> int:
    """1 where an interval misses the known order by more than 0.05."""
    parser = argparse.ArgumentParser(prog="python -m analysis.mlmc.orders", description=__doc__)
    parser.add_argument("--trajectories", type=int, default=40_000)
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder (default: results/ here)")
    arguments = parser.parse_args()
    lines = ["# Orders", "", f"Four steps from T/16 to T/128, {arguments.trajectories:,} paths.", ""]
    lines += ["| equation | strong | known | weak | known |", "|---|---|---|---|---|"]
    missed = False
    with styled() as Figure:
        figure = Figure(figsize=(13.5, 7.6), layout="constrained")
        axes = figure.subplots(2, 3).ravel()
        axes[-1].set_visible(False)
        for ax, (name, (equation, options, strong, weak)) in zip(axes, CASES.items(), strict=False):
            steps = (16, 32, 64, 128)
            found = convergence(equation, 1.0, steps, trajectories=arguments.trajectories, **options)
            lines.append(f"| {name} | {found.strong} | {strong:g} | {found.weak} | {weak:g} |")
            for order, known in ((found.strong, strong), (found.weak, weak)):
                missed |= not order.low - 0.05 <= known <= order.high + 0.05
            found.plot(ax)
            ax.set_title(name, fontsize=9)
        figure.savefig(arguments.out / "orders.png", dpi=130)
    text = "\n".join([*lines, ""])
    atomic_write_text(arguments.out / "orders.md", text)
    print(text)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
