"""Gradient descent and SGD as chains: dt = η."""

from __future__ import annotations

import math

import numpy as np

from analysis.ground_truth.case import Row, case, final, mean_row, path, reference, value_row
from sdesim.noise import Gaussian
from sdesim.surfaces import Quadratic


def sgd_noise(eta: float, deviations: list[float]) -> Gaussian:
    """Gradient noise of standard deviations s_i at learning rate η: D = η s²/2."""
    return Gaussian(0.5 * eta * np.square(deviations))


@case("GT26", "Stationary E‖θ‖² of SGD on a quadratic with additive noise", small=20_000, large=1_000_000)
def gt26(n: int, seed: int) -> list[Row]:
    """Σ η s_i²/(λ_i (2 − η λ_i))."""
    rates, deviations, eta = np.array([1.0, 5.0]), [1.0, 2.0], 0.1
    exact = float(np.sum(eta * np.square(deviations) / (rates * (2 - eta * rates))))
    theta = final(Quadratic(rates), sgd_noise(eta, deviations), dt=eta, steps=140, n=n, seed=seed)
    return [mean_row("additive noise: E‖θ‖²", exact, (theta**2).sum(axis=1))]


@case(
    "GT37", "Stationary C of SGD on a quadratic is the threshold of zero drift", small=20_000, large=500_000
)
def gt37(n: int, seed: int) -> list[Row]:
    """E‖∇L‖²/Tr Σ = Σ_i (η λ_i s_i²/(2 − η λ_i))/Σ s_i²; isotropic: r/(2 − r), r = ηλ."""
    rates, deviations, eta = np.array([1.0, 4.0, 10.0]), [1.0, 0.5, 2.0], 0.05
    variances = np.square(deviations)
    exact = float(np.sum(eta * rates * variances / (2 - eta * rates)) / variances.sum())
    theta = final(Quadratic(rates), sgd_noise(eta, deviations), dt=eta, steps=260, n=n, seed=seed)
    r = 0.1
    even = final(Quadratic([r / eta] * 3), sgd_noise(eta, [2.0] * 3), dt=eta, steps=130, n=n, seed=seed + 1)
    return [
        mean_row("anisotropic: C", exact, ((rates * theta) ** 2).sum(axis=1) / variances.sum()),
        mean_row("isotropic, ηλ = 0.1: C", r / (2 - r), ((r / eta * even) ** 2).sum(axis=1) / 12.0),
        reference("isotropic, ηλ = 0.1: p", r / 2),
    ]


@case(
    "GT38",
    "The relaxation time of SGD on a quadratic does not depend on the noise, hence not on C",
    small=20_000,
    large=1_000_000,
)
def gt38(n: int, seed: int) -> list[Row]:
    """E θ⁺/θ = 1 − ηλ at every C."""
    eta, rate = 0.1, 1.0
    rows = [reference("relaxation time in steps", -1 / math.log(1 - eta * rate))]
    for k, s in enumerate((0.1, 1.0, 10.0)):
        theta = final(Quadratic(rate), sgd_noise(eta, [s]), 1.0, dt=eta, steps=1, n=n, seed=seed + k)[:, 0]
        rows.append(mean_row(f"E θ₁/θ₀ at C = {s**-2:g}", 1 - eta * rate, theta))
    return rows


@case("GT21", "Lyapunov exponents of gradient descent on a quadratic", small=1, large=1)
def gt21(n: int, seed: int) -> list[Row]:
    """log|1 − ηλ_i| per step."""
    rates, eta, steps = np.array([0.1, 1.0, 2.3]), 0.9, 20
    x = path(Quadratic(rates), [], 1.0, dt=eta, steps=steps, n=n, seed=seed)[0]
    growth = np.log(np.abs(x[-1] / x[0])) / steps
    exact = np.log(np.abs(1 - eta * rates))
    return [value_row("gradient descent: largest exponent", exact.max(), growth.max(), 1e-13)]
