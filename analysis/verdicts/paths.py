"""How often whole paths are told apart: of one law, and of others in mean, spread, roughness or shape.

Paths are five random walks of 40 times and unit variance at the end; laws differ as `LAWS` says. Pairs
share a start of unit variance, and the walks then have a spread of 0.3.
"""

from __future__ import annotations

import math

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdesim.comparison import path_test

Array = NDArray[np.float64]
Rng = np.random.Generator
TIMES, NUMBERS, REPEATS = 40, 5, 400
LAWS = (
    "one law",
    "mean moved by 0.7 at the end",
    "1.3 times the spread",
    "rougher by 0.08",
    "jumps, same variance",
)


def walks(
    rng: Rng, n: int, law: str = "one law", spread: float = 1.0, starts: Array | None = None
) -> xr.Dataset:
    """A Run of n paths under a law."""
    shape = (n, TIMES, NUMBERS)
    steps = rng.standard_normal(shape)
    if law.startswith("jumps"):
        # One step in twenty has all the variance.
        steps = steps * math.sqrt(20) * (rng.random(shape) < 0.05)
    x = spread * np.cumsum(steps, axis=1) / math.sqrt(TIMES)
    if law.startswith("mean"):
        x = x + 0.7 * spread * np.linspace(0, 1, TIMES)[:, None]
    if law.startswith("1.3"):
        x = 1.3 * x
    if law.startswith("rougher"):
        x = x + 0.08 * spread * rng.standard_normal(shape)
    x = x if starts is None else x + starts[:, None]
    return xr.Dataset(
        {"theta_projection": (("trajectory", "step", "direction"), x)},
        {"step": np.arange(TIMES), "time": ("step", np.arange(float(TIMES)))},
    )


def share(n: int, law: str, paired: bool) -> tuple[float, float]:
    """Share of pairs of arms that are told apart, and the smallest p that n seeds can reach."""
    rng = np.random.default_rng((n, len(law), paired))
    said, smallest = 0, math.nan
    for _ in range(REPEATS):
        starts = rng.standard_normal((n, NUMBERS)) if paired else None
        spread = 0.3 if paired else 1.0
        told = path_test(
            walks(rng, n, law, spread, starts), walks(rng, n, spread=spread, starts=starts), paired=paired
        )
        assert told is not None
        said += told.outcome == "differs"
        smallest = told.p_smallest
    return said / REPEATS, smallest


def table() -> str:
    """The document."""
    lines = [
        "# Whole paths",
        "",
        f"Share of {REPEATS} pairs of arms that are told apart at a level of 5% (standard error of 0.05: "
        f"{math.sqrt(0.05 * 0.95 / REPEATS):.3f}).",
        "",
        f"| seeds | smallest p | {' | '.join(LAWS)} |",
        f"|---|---|{'---|' * len(LAWS)}",
    ]
    for n, paired in ((4, False), (6, False), (8, False), (16, False), (6, True), (8, True), (16, True)):
        found = [share(n, law, paired) for law in LAWS]
        numbers = " | ".join(f"{said:.3f}" for said, _ in found)
        name = f"{n} pairs" if paired else f"{n} + {n}"
        lines.append(f"| {name} | {found[0][1]:.2g} | {numbers} |")
    return "\n".join([*lines, ""])
