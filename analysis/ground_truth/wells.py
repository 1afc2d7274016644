"""Nonlinear wells: stationary laws of the chain as eigenfunctions of its transition kernel."""

from __future__ import annotations

import math

import numpy as np
from scipy import integrate, optimize, stats

from analysis.ground_truth.case import Row, case, final, mean_row, quantile_row, reference
from analysis.ground_truth.exact import Array, StationaryLaw, normal_density, panels, stationary_law
from analysis.ground_truth.toys import quartic
from sdesim.noise import Gaussian, Stable
from sdesim.surfaces import DoubleWell, Quadratic


def implicit_quartic_law(h: float) -> StationaryLaw:
    """Stationary law of y + hy³ = x + hC, C standard Cauchy; its tail P(|y| > r) ~ 2/(3πr³) is cut at 300."""

    def transition(x: Array, y: Array) -> Array:
        return (1 + 3 * h * y**2) * h / math.pi / ((y + h * y**3 - x) ** 2 + h**2)

    edge = math.asinh(300.0)
    return stationary_law(transition, np.sinh(np.linspace(-edge, edge, 121)))


@case("GT09", "Cauchy noise: quadratic well and quartic well", small=10_000, large=200_000)
def gt09(n: int, seed: int) -> list[Row]:
    """Quadratic: scales add at α = 1, so the chain has the scale σ/λ at every h.

    V = x⁴/4, σ = 1: p = 1/(π (1 − x² + x⁴)) as h → 0 (Chechkin et al. 2002), two humps in one well. Explicit
    steps explode there; the implicit ones have a stationary law of their own at h.
    """
    rate, sigma = 2.0, 0.5
    scale = sigma / rate
    x = final(Quadratic(rate), Stable(1.0, sigma), dt=0.02, steps=500, n=n, seed=seed)[:, 0]
    density = float(stats.cauchy.pdf(1.0)) / scale
    rows = [quantile_row("quadratic: 75% quantile of the chain", scale, x, 0.75, density)]

    h = 0.1
    law = implicit_quartic_law(h)
    y = final(quartic(), Stable(1.0, 1.0), dt=h, steps=60, n=n, seed=seed + 1, scheme="implicit-euler")[:, 0]

    def below(r: float) -> float:
        return law.mean(lambda v: 0.5 + np.arctan((r + h * r**3 - v) / h) / math.pi)

    def limit(r: float) -> float:
        return 0.5 + integrate.quad(lambda v: 1 / (math.pi * (1 - v**2 + v**4)), 0.0, r)[0]

    for p in (0.75, 0.95):
        q = optimize.brentq(lambda r, p=p: below(r) - p, 0.0, 9.0)
        slope = (below(q + 1e-4) - below(q - 1e-4)) / 2e-4
        rows.append(quantile_row(f"quartic: {p:.0%} quantile of the implicit chain", q, y, p, slope))
        at_zero = optimize.brentq(lambda r, p=p: limit(r) - p, 0.0, 9.0)
        rows.append(reference(f"quartic: {p:.0%} quantile as h → 0", at_zero))
    return rows


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
