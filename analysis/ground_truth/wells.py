"""Nonlinear wells: stationary laws of the chain as eigenfunctions of its transition kernel."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from analysis.ground_truth.case import Row, case, final, mean_row, quantile_row, reference
from analysis.ground_truth.exact import normal_density, panels, stationary_law
from sdesim.noise import Gaussian, Stable
from sdesim.surfaces import DoubleWell, Quadratic


@case("GT09", "Cauchy noise on a quadratic keeps the scale σ/λ at every h", small=40_000, large=1_000_000)
def gt09(n: int, seed: int) -> list[Row]:
    """Scales add linearly at α = 1, so the bias of Euler–Maruyama cancels."""
    rate, sigma, h = 2.0, 0.5, 0.02
    scale = sigma / rate
    x = final(Quadratic(rate), Stable(1.0, sigma), dt=h, steps=500, n=n, seed=seed)[:, 0]
    density = float(stats.cauchy.pdf(1.0)) / scale
    return [quantile_row("quadratic: 75% quantile of the chain", scale, x, 0.75, density)]


@case(
    "GT10",
    "Moments of Euler–Maruyama in a double well are those of its own stationary law",
    small=20_000,
    large=500_000,
)
def gt10(n: int, seed: int) -> list[Row]:
    """V = (x² − 1)²/4, and the Gibbs law e^{−V/D} of the SDE. Even moments forget the well of the start."""
    diffusion, h = 0.25, 0.05
    kick = normal_density(math.sqrt(2 * diffusion * h))
    law = stationary_law(lambda x, y: kick(y - x + h * (x**3 - x)), np.linspace(-3.2, 3.2, 41))
    start = np.where(np.arange(n)[:, None] % 2 == 0, -1.0, 1.0)
    x = final(DoubleWell(), Gaussian(diffusion), start, dt=h, steps=800, n=n, seed=seed)[:, 0]
    y, w = panels(np.linspace(-5.0, 5.0, 101))
    gibbs = w * np.exp(-0.25 * (y**2 - 1.0) ** 2 / diffusion)
    gibbs /= gibbs.sum()
    return [
        mean_row("E x² of the chain", law.mean(lambda v: v**2), x**2),
        mean_row("E x⁴ of the chain", law.mean(lambda v: v**4), x**4),
        reference("E x² of the Gibbs law", float((gibbs * y**2).sum())),
        reference("E x⁴ of the Gibbs law", float((gibbs * y**4).sum())),
    ]
