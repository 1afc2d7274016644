"""Stable noise: quantiles in both parametrizations, the two structures in the plane, tempering, cuts."""

from __future__ import annotations

import math

import numpy as np

from analysis.ground_truth.case import Row, case, final, mean_row, quantile_row, reference
from analysis.ground_truth.exact import StableLaw, ar1_variance, levy_constant, limited_variance
from sdesim.noise import Stable, sample_stable
from sdesim.surfaces import Quadratic


@case("GT14", "Stable draws have the exact quantiles in S1 and S0", small=20_000, large=1_000_000)
def gt14(n: int, seed: int) -> list[Row]:
    """Quantiles by inversion of the characteristic function."""
    laws = [
        (alpha, skew, form)
        for alpha in (0.8, 1.0, 1.5, 1.9, 2.0)
        for skew in (0.0, 0.5)
        for form in (("S1",) if skew == 0.0 or alpha in (1.0, 2.0) else ("S1", "S0"))
    ]
    rows = []
    for k, (alpha, skew, form) in enumerate(laws):
        law = StableLaw(alpha, skew, form)
        x = sample_stable(alpha, skew, n, seed + k, parametrization=form)
        for p in (0.25, 0.9):
            q = law.quantile(p)
            rows.append(quantile_row(f"α = {alpha}, β = {skew}, {form}, {p:.0%}", q, x, p, law.pdf(q)))
    return rows


@case(
    "GT15", "Isotropic stable noise is not noise with independent coordinates", small=50_000, large=4_000_000
)
def gt15(n: int, seed: int) -> list[Row]:
    """E e^{iu·x} = exp(−‖u‖^α) or exp(−Σ|u_i|^α); P(‖x‖ > r) = (1 + r²)^{−1/2} for Cauchy in the plane."""
    alpha, r = 1.5, 3.0
    plane = Quadratic([0.0, 0.0])

    def draws(noise: Stable, offset: int) -> np.ndarray:
        return final(plane, noise, dt=1.0, steps=1, n=n, seed=seed + offset)

    isotropic = draws(Stable(alpha, 1.0, structure="isotropic"), 0)
    independent = draws(Stable(alpha, 1.0), 1)
    cauchy = draws(Stable(1.0, 1.0, structure="isotropic"), 2)
    outside = np.linalg.norm(cauchy, axis=1) > r
    return [
        mean_row("isotropic: E cos(x₁ + x₂)", math.exp(-(2 ** (alpha / 2))), np.cos(isotropic.sum(axis=1))),
        mean_row("independent: E cos(x₁ + x₂)", math.exp(-2), np.cos(independent.sum(axis=1))),
        mean_row("isotropic: E cos(x₁)", math.exp(-1), np.cos(isotropic[:, 0])),
        mean_row("isotropic Cauchy: P(‖x‖ > 3)", (1 + r * r) ** -0.5, outside),
    ]


@case(
    "GT28",
    "Tempered and truncated stable noise: moments and stationary variance",
    small=40_000,
    large=2_000_000,
)
def gt28(n: int, seed: int) -> list[Row]:
    """Lévy density c e^{−θ|x|} |x|^{−1−α}: cumulants per time κ_m = 2c Γ(m − α) θ^{α−m}.

    Cut at R instead, the variance per time is 2c R^{2−α}/(2 − α). The engine cuts increments, not jumps, so
    that its chain has this in the limit h → 0 only, and at h what the cut law of one increment gives.
    """
    alpha, c, theta, cut, rate, h = 1.2, 0.5, 1.0, 2.0, 1.0, 0.1
    sigma = (c / levy_constant(alpha)) ** (1 / alpha)
    variance, fourth = (2 * c * math.gamma(m - alpha) * theta ** (alpha - m) for m in (2, 4))
    tempered = Stable(alpha, sigma, tempering=theta)
    x = final(Quadratic(0.0), tempered, dt=1.0, steps=1, n=n, seed=seed)[:, 0]
    y = final(Quadratic(rate), tempered, dt=h, steps=145, n=n, seed=seed + 1)[:, 0]
    rows = [
        mean_row("tempered: E x² per time", variance, x**2),
        mean_row("tempered: E x⁴ after time 1", fourth + 3 * variance**2, x**4),
        mean_row(
            "tempered, quadratic: variance of the chain", ar1_variance(1 - rate * h, variance * h), y**2
        ),
        reference("tempered, quadratic: variance as h → 0", variance / (2 * rate)),
        reference("cut jumps: variance per time", 2 * c * cut ** (2 - alpha) / (2 - alpha)),
    ]
    scale = sigma * h ** (1 / alpha)
    for k, rule in enumerate(("clip", "reject")):
        kick = scale**2 * limited_variance(alpha, cut / scale, rule)
        noise = Stable(alpha, sigma, truncation=cut, rule=rule)
        z = final(Quadratic(rate), noise, dt=h, steps=145, n=n, seed=seed + 2 + k)[:, 0]
        name = f"cut increments ({rule}), quadratic: variance of the chain"
        rows.append(mean_row(name, ar1_variance(1 - rate * h, kick), z**2))
    return rows
