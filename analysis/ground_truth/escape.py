"""Exit times: exact values of the chain by Fredholm equations, limits by closed form."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from analysis.ground_truth.case import Row, case, exit_times, mean_row, reference
from analysis.ground_truth.exact import (
    Array,
    levy_constant,
    mean_exit_steps,
    normal_density,
    panels,
    scaled,
    symmetric_stable_density,
)
from sdesim.noise import Gaussian, Stable
from sdesim.surfaces import DoubleWell, Quadratic


def passage_time(diffusion: float, start: float, end: float) -> float:
    """Mean first passage of dx = −V′ dt + √(2D) dW to ``end`` > ``start``, V = (x² − 1)²/4.

    (1/D) ∫_start^end e^{V(y)/D} ∫_{−∞}^y e^{−V(z)/D} dz dy.
    """
    y, outer = panels(np.linspace(start, end, 41))
    unit, weights = panels(np.linspace(0.0, 1.0, 61))
    z = -5.0 + (y[:, None] + 5.0) * unit
    potential = [0.25 * (x * x - 1.0) ** 2 for x in (y, z)]
    inner = (np.exp((potential[0][:, None] - potential[1]) / diffusion) * weights).sum(axis=1) * (y + 5.0)
    return float((outer * inner).sum() / diffusion)


@case("GT06", "Mean first passage over the barrier of a double well", small=2000, large=40_000)
def gt06(n: int, seed: int) -> list[Row]:
    """From x = −1 to 1 in V = (x² − 1)²/4; Kramers' formula is an asymptote and not compared with."""
    diffusion, h = 0.1, 0.02

    def drift(x: Array) -> Array:
        return x - h * (x**3 - x)

    kick = normal_density(math.sqrt(2 * diffusion * h))
    exact = h * mean_exit_steps(drift, kick, -2.6, 1.0, -1.0, 60)
    times = exit_times(
        DoubleWell(), Gaussian(diffusion), -1.0, -math.inf, 1.0, dt=h, n=n, seed=seed, mean=exact
    )
    return [
        mean_row("mean of the chain", exact, times),
        reference("mean as h → 0", passage_time(diffusion, -1.0, 1.0)),
        reference("Kramers' asymptote", 2 * math.pi / math.sqrt(2) * math.exp(0.25 / diffusion)),
    ]


@case("GT07", "A stable process leaves an interval as Getoor's formula says", small=20_000, large=1_000_000)
def gt07(n: int, seed: int) -> list[Row]:
    """E τ = (1 − x²)^{α/2}/Γ(1 + α) from (−1, 1) in continuous time; the chain is seen late."""
    alpha, start, h = 1.5, 0.3, 0.01
    kick = scaled(symmetric_stable_density(alpha), h ** (1 / alpha))
    exact = h * mean_exit_steps(lambda x: x, kick, -1.0, 1.0, start, 60)
    times = exit_times(Quadratic(0.0), Stable(alpha, 1.0), start, -1.0, 1.0, dt=h, n=n, seed=seed, mean=exact)
    return [
        mean_row("mean of the chain", exact, times),
        reference("mean as h → 0", (1 - start**2) ** (alpha / 2) / special.gamma(1 + alpha)),
    ]


@case("GT08", "Small stable noise leaves a well after a time like ε^{−α}", small=1000, large=20_000)
def gt08(n: int, seed: int) -> list[Row]:
    """V = x²/2 on (−1, 1); ε^α E τ → α/(2 c) with c the constant of the Lévy density c |x|^{−1−α}."""
    alpha, h = 1.5, 0.02
    density = symmetric_stable_density(alpha)
    rows = [reference("limit of ε^α E τ", alpha / (2 * levy_constant(alpha)))]
    for k, (size, count) in enumerate(((0.3, 40), (0.1, 90))):
        kick = scaled(density, size * h ** (1 / alpha))
        exact = h * mean_exit_steps(lambda x: (1 - h) * x, kick, -1.0, 1.0, 0.0, count)
        times = exit_times(
            Quadratic(1.0), Stable(alpha, size), 0.0, -1.0, 1.0, dt=h, n=n, seed=seed + k, mean=exact
        )
        rows.append(mean_row(f"ε^α E τ of the chain, ε = {size}", exact * size**alpha, times * size**alpha))
    return rows
