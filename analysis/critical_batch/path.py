"""The noise scale along the way to the target, of least squares, where both are exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from .cells import GRID
from .least_squares import LeastSquares, checkpoints, moments
from .verdict import FACTOR, Numbers, pooled

Array = NDArray[np.float64]
READINGS = {"at the checkpoint": "start", "mean along the way": "mean", "at the target": "end"}


def along(problem: LeastSquares, delta: Array, rate: float, steps: int) -> Array:
    """1/C_1 before each of so many noiseless steps and after the last, (steps + 1,), from Δ (d,)."""
    found = []
    for _ in range(steps + 1):
        m = moments(problem, delta)
        found.append(m.noise / m.signal)
        delta = delta - rate * m.mean
    return np.array(found)


def readings(cells: Sequence[dict[str, Any]], horizon: int) -> dict[str, Array]:
    """Base-2 logarithm of the noise scale at the start, its mean over the noiseless steps and at the end, of
    each cell, a mean over seeds."""
    logs: dict[str, list[float]] = {name: [] for name in READINGS.values()}
    starts = {name: checkpoints(problem, len(cells[0]["loss"])) for name, problem in GRID.items()}
    for cell in cells:
        name = cell["problem"]
        rates = cell["noiseless_rates"][list(cell["horizons"]).index(horizon)]
        paths = np.array([
            along(GRID[name], delta, rate, horizon)
            for delta, rate in zip(starts[name][cell["checkpoint"]], rates, strict=True)
        ])  # fmt: skip
        of = {"start": paths[:, 0], "mean": paths[:, :-1].mean(axis=1), "end": paths[:, -1]}
        for key, value in of.items():
            logs[key].append(float(np.log2(value).mean()))
    return {key: np.array(value) for key, value in logs.items()}


def table(parts: Sequence[tuple[int, Sequence[dict[str, Any]], Numbers]]) -> list[str]:
    """A line for each horizon and reading; parts are (horizon, cells, what was measured by it)."""
    lines = [
        "| steps | noise scale 1/C_1 | within a factor of 2 | predicted/measured | rank correlation "
        "| 90% of cells within |",
        "|---" * 6 + "|",
    ]
    for horizon, cells, found in sorted(parts, key=lambda part: part[0]):
        measured, read = pooled(found.measured), readings(cells, horizon)
        for words, key in READINGS.items():
            known = np.isfinite(measured)
            off = read[key][known] - measured[known]
            rank = spearmanr(read[key][known], measured[known]).statistic
            most = 2 ** np.quantile(np.abs(off), 0.9, method="inverted_cdf")
            within = (np.abs(off) <= np.log2(FACTOR)).mean()
            lines.append(
                f"| {horizon} | {words} | {within:.2f} | {2 ** off.mean():.3g} | {rank:.2f} | {most:.2g} |"
            )
    return lines
