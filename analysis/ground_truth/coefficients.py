"""Coefficients that change in time, surfaces that move, and walls."""

from __future__ import annotations

import math

import numpy as np
import xarray as xr
from scipy.integrate import quad

import sdesim
from analysis.ground_truth.case import Row, case, final, mean_row
from sdesim import noise, schedules, walls
from sdesim.surfaces import Driven, Flat, Moving, Quadratic


@case("GT47", "Noise with a schedule has the exact law of each step", small=0, large=200_000)
def gt47(n: int, seed: int) -> list[Row]:
    """x ← (1 − λh)x + ΔN with Var ΔN = 2∫D; stable noise on a flat surface: E cos(ux) = exp(−|u|^α ∫σ^α)."""
    h, steps = 0.02, 50
    t = h * np.arange(steps + 1)
    wave = 0.3 * (1 - np.cos(4 * np.pi * t)) / (4 * np.pi)
    areas = {
        "exponential": (schedules.Exponential(0.5, 1.0), 0.5 * (1 - np.exp(-t))),
        "cosine": (schedules.Cosine(0.5, 2.0, 0.1), 0.3 * t + 0.2 * np.sin(np.pi * t) / np.pi),
        "periodic": (schedules.Periodic(0.5, 0.3, 0.5), 0.5 * t + wave),
        "power": (schedules.Power(0.5, 1.0, 1.0), 0.5 * t + 0.25 * t**2),
        "logarithmic": (schedules.Logarithmic(0.5), None),
        "piecewise": (schedules.Piecewise([0.4], [0.5, 0.1]), 0.1 * t + 0.4 * np.minimum(t, 0.4)),
    }  # fmt: skip
    rows = []
    for k, (name, (diffusion, area)) in enumerate(areas.items()):
        if area is None:
            area = np.array([quad(lambda s: 0.5 / math.log(2.0 + s), 0.0, end)[0] for end in t])
        variance = 0.0
        for added in 2 * np.diff(area):
            variance = (1 - h) ** 2 * variance + added
        x = final(Quadratic(1.0), noise.Gaussian(diffusion), 0.0, dt=h, steps=steps, n=n, seed=seed + k)
        rows.append(mean_row(f"{name}: variance of the chain", variance, x[:, 0] ** 2))
    stable = noise.Stable(1.5, schedules.Power(1.0, 1.0, 1.0))
    x = final(Flat(1), stable, 0.0, dt=h, steps=steps, n=n, seed=seed + 7)[:, 0]
    for u in (0.5, 1.0):
        exact = math.exp(-(u**1.5) * (2.0**2.5 - 1.0) / 2.5)
        rows.append(mean_row(f"stable, power: E cos({u}x)", exact, np.cos(u * x)))
    return rows


@case(
    "GT48", "A bowl that moves and one that is driven carry the mean of their chains", small=0, large=100_000
)
def gt48(n: int, seed: int) -> list[Row]:
    """x ← x − h(λ(x − c(t))) + ΔN and x ← x − h(λx − F(t)) + ΔN, read at the start of each step."""
    h, steps, rate = 0.02, 100, 2.0
    centre, force = schedules.Power(0.5, 1.0, 1.0), schedules.Periodic(0.0, 1.0, 1.5)
    moved, driven, variance = 0.5, 0.0, 0.0
    for k in range(steps):
        moved -= h * rate * (moved - centre(k * h))
        driven -= h * (rate * driven - force(k * h))
        variance = (1 - rate * h) ** 2 * variance + 0.2 * h
    bowl, push = Quadratic(rate), noise.Gaussian(0.1)
    rows = []
    cases = {"moved": (Moving(bowl, centre), 0.5, moved), "driven": (Driven(bowl, force), 0.0, driven)}
    for k, (name, (surface, start, mean)) in enumerate(cases.items()):
        x = final(surface, push, start, dt=h, steps=steps, n=n, seed=seed + k)[:, 0]
        rows.append(mean_row(f"{name}: mean", mean, x))
        rows.append(mean_row(f"{name}: variance", variance, (x - mean) ** 2))
    return rows


@case("GT49", "Walls: reflected, wrapped and absorbed Brownian motion", small=0, large=100_000)
def gt49(n: int, seed: int) -> list[Row]:
    """D = ½: |W_t| has the mean √(2t/π) and the second moment t; on a circle of length 1
    E cos 2πx = e^{−2π²t}; P(no exit below −1 until t) = erf(1/√(2t)), by the bridge at any step."""
    h, steps, push = 1e-2, 50, noise.Gaussian(0.5)
    t = h * steps
    fields = {"dt": h, "steps": steps, "trajectories": n, "save_every": steps, "progress": False}

    def end(wall: walls.Wall, k: int) -> xr.Dataset:
        return sdesim.simulate(Flat(1), push, 0.0, seed=seed + k, boundary=wall, **fields)

    folded = end(walls.Reflecting(lower=0.0), 0)["theta"].values[:, -1, 0]
    wrapped = end(walls.Periodic(0.0, 1.0), 1)["theta"].values[:, -1, 0]
    absorbed = end(walls.Absorbing(lower=-1.0), 2)
    inside = absorbed["exit_censored"].values[:, 0].astype(float)
    short = math.exp(-2 * math.pi**2 * 0.05)
    fields |= {"steps": 5, "save_every": 5}
    brief = end(walls.Periodic(0.0, 1.0), 3)["theta"].values[:, -1, 0]
    return [
        mean_row("reflected: mean", math.sqrt(2 * t / math.pi), folded),
        mean_row("reflected: second moment", t, folded**2),
        mean_row("periodic, t = 0.05: E cos 2πx", short, np.cos(2 * np.pi * brief)),
        mean_row("periodic, t = 0.5: E cos 2πx", math.exp(-2 * math.pi**2 * t), np.cos(2 * np.pi * wrapped)),
        mean_row("absorbed: share still inside", math.erf(1 / math.sqrt(2 * t)), inside),
    ]
