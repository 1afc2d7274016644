"""Exits watched between the steps, against the process itself: no allowance for the step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import xarray as xr
from scipy.special import gamma

import sdesim
from analysis.ground_truth.case import Row, case, mean_row
from sdesim import events, noise
from sdesim.surfaces import Flat


def times(driving: Any, event: Any, dim: int, dt: float, steps: int, n: int, seed: int) -> xr.Dataset:
    """A run whose trajectories all leave."""
    run = sdesim.simulate(
        Flat(dim), driving, 0.0, dt=dt, steps=steps, trajectories=n, seed=seed, events=event,
        save_every=steps, progress=False,
    )  # fmt: skip
    if run["exit_censored"].values.any():
        raise RuntimeError(f"{int(run['exit_censored'].sum())} trajectories never left")
    return run


@case("GT54", "Continuous exits: Brownian motion, stable processes and balls", small=0, large=100_000)
def gt54(n: int, seed: int) -> list[Row]:
    """(1 − x²)/(2D), E e^{−τ} = 1/cosh(1/√D) and P(right) = ½; 1/Γ(1 + α) by Getoor, with moved walls, right
    to first order in dt^{1/α}; R²/(2dD) of a ball."""
    interval = events.Exit(-1.0, 1.0)
    found = times(noise.Gaussian(1.0), interval, 1, 0.01, 1500, n, seed)
    left = found["exit_time"].values[:, 0]
    rows = [
        mean_row("Brownian, dt = 0.01: mean time", 0.5, left),
        mean_row("Brownian, dt = 0.01: E e^{−τ}", 1 / math.cosh(1.0), np.exp(-left)),
        mean_row("Brownian, dt = 0.01: right wall", 0.5, found["exit_state"].values[:, 0, 0] > 0),
    ]
    for k, alpha in enumerate((1.2, 1.5, 1.8)):
        found = times(noise.Stable(alpha, 1.0), interval, 1, 0.001, 25_000, n // 4, seed + 1 + k)
        mean = 1 / gamma(1 + alpha)
        rows.append(mean_row(f"α = {alpha}, dt = 0.001: mean time", mean, found["exit_time"].values[:, 0]))
    ball = times(noise.Gaussian(1.0), events.Exit.ball(0.0, 1.0), 10, 5e-4, 2000, n // 10, seed + 5)
    return [*rows, mean_row("ball, d = 10, dt = 0.0005: mean time", 0.05, ball["exit_time"].values[:, 0])]
