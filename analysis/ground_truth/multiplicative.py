"""State-dependent noise: geometric Brownian motion."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from analysis.ground_truth.case import Row, case, final, mean_row, path, reference
from analysis.ground_truth.exact import normal_mean
from sdesim.noise import Multiplicative
from sdesim.surfaces import Quadratic


def log_mean(ratio: float, kick: float) -> float:
    """E log|ratio + kick z|, z standard normal."""
    return normal_mean(lambda z: math.log(abs(ratio + kick * z)), (-ratio / kick,))


def gbm_strong_error(mu: float, s: float, time: float, steps: int, milstein: bool) -> float:
    """E(X_T − X_N)² on dX = μX dt + sX dW, X₀ = 1, driven by the same path."""
    h = time / steps
    extra = 0.5 * s**4 * h**2 if milstein else 0.0
    cross = math.exp(mu * h) * (1 + mu * h + s**2 * h + extra)
    square = (1 + mu * h) ** 2 + s**2 * h + extra
    return math.exp((2 * mu + s**2) * time) - 2 * cross**steps + square**steps


@case(
    "GT11",
    "Strong errors of Euler–Maruyama and Milstein on geometric Brownian motion",
    small=40_000,
    large=200_000,
)
def gt11(n: int, seed: int) -> list[Row]:
    """The path of Euler–Maruyama gives ΔW = (x⁺/x − 1 − μh)/s, and with it the exact solution.

    A scheme changes no random number: Milstein is driven by the same ΔW.
    """
    mu, s, time = 0.5, 0.8, 1.0
    rows = []
    for k, steps in enumerate((16, 64)):
        h = time / steps
        run: dict[str, Any] = {"dt": h, "steps": steps, "n": n, "seed": seed + k}
        euler = path(Quadratic(-mu), Multiplicative(s), 1.0, **run)[:, :, 0]
        milstein = final(Quadratic(-mu), Multiplicative(s), 1.0, scheme="milstein", **run)[:, 0]
        brownian = ((euler[:, 1:] / euler[:, :-1] - 1 - mu * h) / s).sum(axis=1)
        exact = np.exp((mu - 0.5 * s**2) * time + s * brownian)
        for name, end in (("Euler–Maruyama", euler[:, -1]), ("Milstein", milstein)):
            error = gbm_strong_error(mu, s, time, steps, name == "Milstein")
            rows.append(mean_row(f"{name}: mean squared error, {steps} steps", error, (end - exact) ** 2))
    sizes = np.array([16, 32, 64, 128, 256])
    for name in ("Euler–Maruyama", "Milstein"):
        errors = [gbm_strong_error(mu, s, time, int(m), name == "Milstein") for m in sizes]
        slope = np.polyfit(np.log(1 / sizes), 0.5 * np.log(errors), 1)[0]
        rows.append(reference(f"{name}: slope over 16 to 256 steps", slope))
    return rows


@case("GT13", "Lyapunov exponent of the discrete linear multiplicative chain", small=10_000, large=500_000)
def gt13(n: int, seed: int) -> list[Row]:
    """dX = −aX dt + sX dW: almost surely −a − s²/2, in mean square −2a + s²; the chain has its own.

    The second coordinate grows, a < 0.
    """
    s, h, steps = 1.2, 0.05, 100
    rates, kick = (0.5, -0.5), s * math.sqrt(h)
    x = path(Quadratic(rates), Multiplicative(s), 1.0, dt=h, steps=steps, n=n, seed=seed, every=5)
    rows = []
    for k, a in enumerate(rates):
        chain = log_mean(1 - a * h, kick) / h
        rows += [
            mean_row(f"a = {a}: exponent of the chain", chain, np.log(np.abs(x[:, -1, k])) / (steps * h)),
            mean_row(f"a = {a}: E x² after 5 steps", ((1 - a * h) ** 2 + s**2 * h) ** 5, x[:, 1, k] ** 2),
            reference(f"a = {a}: exponent as h → 0", -a - 0.5 * s**2),
            reference(f"a = {a}: mean-square rate as h → 0", -2 * a + s**2),
        ]
    return rows
