"""Noises with jumps, with a memory and along directions, on a flat surface: the laws of their sums."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr
from scipy.stats import poisson

from analysis.ground_truth.case import Row, case, final, mean_row, path
from sdesim import jumps, noise
from sdesim.surfaces import Flat


@case("GT50", "Compound Poisson noise has the characteristic function of its jumps", small=0, large=200_000)
def gt50(n: int, seed: int) -> list[Row]:
    """E e^{iux} = exp(rate T (φ(u) − 1))."""
    rate, h, steps = 3.0, 0.1, 10
    laws = {
        "normal": (jumps.Normal(0.3, 0.5), lambda u: np.exp(0.3j * u - 0.125 * u**2)),
        "exponential": (jumps.Exponential(0.5), lambda u: 1 / (1 - 0.5j * u)),
        "Laplace": (jumps.Laplace(0.5), lambda u: 1 / (1 + 0.25 * u**2)),
        "stable": (jumps.Stable(1.5, 0.5), lambda u: np.exp(-(abs(0.5 * u) ** 1.5))),
    }
    rows = []
    for k, (name, (law, phi)) in enumerate(laws.items()):
        driving = noise.CompoundPoisson(rate, law)
        x = final(Flat(1), driving, 0.0, dt=h, steps=steps, n=n, seed=seed + k)[:, 0]
        exact = np.exp(rate * h * steps * (phi(1.0) - 1))
        rows.append(mean_row(f"{name}: E cos x", exact.real, np.cos(x)))
        rows.append(mean_row(f"{name}: E sin x", exact.imag, np.sin(x)))
    # Deaths at the rate 2x from 6, one at a time.
    by_state = noise.CompoundPoisson(lambda x: 2.0 * max(x[0], 0.0), jumps.Normal(-1.0, 0.0))
    x = final(Flat(1), by_state, 6.0, dt=0.01, steps=50, n=n // 4, seed=seed + 5)[:, 0]
    return [*rows, mean_row("rate of the state: mean of the chain", 6.0 * 0.98**50, x)]


@case("GT51", "Merton's jump diffusion has the law of its series", small=0, large=400_000)
def gt51(n: int, seed: int) -> list[Row]:
    """log S_T = (r − σ²/2 − λk)T + σW_T + ΣJ, and a call of strike 1, from S₀ = 1."""
    r, sigma, rate, mean, std, time = 0.05, 0.2, 1.0, -0.1, 0.15, 1.0
    drift = r - 0.5 * sigma**2 - rate * (math.exp(mean + 0.5 * std**2) - 1)
    driving = [noise.Gaussian(0.5 * sigma**2), noise.CompoundPoisson(rate, jumps.Normal(mean, std))]
    x = drift * time + final(Flat(1), driving, 0.0, dt=0.1, steps=10, n=n, seed=seed)[:, 0]
    number = np.arange(40)
    weights, centre = poisson.pmf(number, rate * time), drift * time + number * mean
    width = np.sqrt(sigma**2 * time + number * std**2)
    rows = [
        mean_row(f"P(log S ≤ {level})", float(weights @ ndtr((level - centre) / width)), x <= level)
        for level in (-0.5, -0.1, 0.2)
    ]
    forward = np.exp(centre + 0.5 * width**2)
    calls = forward * ndtr(centre / width + width) - ndtr(centre / width)
    paid = math.exp(-r * time) * np.maximum(np.exp(x) - 1, 0)
    return [*rows, mean_row("call of strike 1", math.exp(-r * time) * float(weights @ calls), paid)]


@case(
    "GT52",
    "Coloured, telegraph and fractional noise have the covariances of their sums",
    small=0,
    large=100_000,
)
def gt52(n: int, seed: int) -> list[Row]:
    """F²τ(h − 1 + e^{−h}), h = T/τ; 2(A/c)²(cT − 1 + e^{−cT}), c = 2 rate; s²T^{2H}. The halves of the time
    go together as Var(x_T) = 2 Var(x_{T/2}) + 2 Cov says."""

    def coloured(time: float) -> float:
        return 0.25 * 0.3 * (time / 0.3 - 1 + math.exp(-time / 0.3))

    def telegraph(time: float) -> float:
        return 2 * (0.5 / 4.0) ** 2 * (4.0 * time - 1 + math.exp(-4.0 * time))

    kinds = {
        "coloured": (noise.Coloured(0.3, 0.5), coloured),
        "telegraph": (noise.Telegraph(2.0, 0.5), telegraph),
        "fractional, H = 0.3": (noise.Fractional(0.3, 0.5), lambda time: 0.25 * time**0.6),
        "fractional, H = 0.75": (noise.Fractional(0.75, 0.5), lambda time: 0.25 * time**1.5),
    }
    rows = []
    for k, (name, (driving, variance)) in enumerate(kinds.items()):
        x = path(Flat(1), driving, 0.0, dt=0.05, steps=20, n=n, seed=seed + k, every=10)[:, :, 0]
        together = 0.5 * variance(1.0) - variance(0.5)
        rows.append(mean_row(f"{name}: variance at 1", variance(1.0), x[:, 2] ** 2))
        rows.append(mean_row(f"{name}: covariance of the halves", together, x[:, 1] * (x[:, 2] - x[:, 1])))
    return rows


@case("GT53", "Stable noise along directions and through a matrix", small=0, large=200_000)
def gt53(n: int, seed: int) -> list[Row]:
    """E cos(u·x) = exp(−T Σ_j w_j |u·s_j|^α) of unit directions, and exp(−T Σ_j |σ (Aᵀu)_j|^α)."""
    alpha, time = 1.5, 0.5
    directions, weights = np.array([[1.0, 0.0], [3.0, 4.0], [0.0, -2.0]]), np.array([0.5, 1.0, 0.2])
    units = directions / np.linalg.norm(directions, axis=1)[:, None]
    matrix = np.array([[1.0, 0.5, 0.0], [0.0, -0.3, 0.8]])
    laws = {
        "spectral": (noise.Spectral(alpha, directions, weights), units, weights),
        "matrix": (noise.Stable(alpha, 0.7, matrix=matrix), matrix.T, np.full(3, 0.7**alpha)),
    }
    rows = []
    for k, (name, (driving, along, sizes)) in enumerate(laws.items()):
        x = final(Flat(2), driving, 0.0, dt=0.05, steps=10, n=n, seed=seed + k)
        for u in np.array([[1.0, 0.0], [0.3, -0.7], [1.0, 1.0]]):
            exact = math.exp(-time * float(sizes @ np.abs(along @ u) ** alpha))
            rows.append(mean_row(f"{name}: E cos(u·x), u = ({u[0]:g}, {u[1]:g})", exact, np.cos(x @ u)))
    return rows
