"""The shipped equations against the exact moments of their Euler chains, and the strong error of Milstein."""

from __future__ import annotations

import math

import numpy as np

import sdesim
from analysis.ground_truth.case import Row, case, final, mean_row, path
from analysis.ground_truth.exact import Array
from analysis.ground_truth.multiplicative import gbm_strong_error
from sdesim import sdes
from sdesim.surfaces import Quadratic

DT, STEPS = 0.01, 50
TIME = DT * STEPS


def linear_chain(m: Array, shift: Array, noise: Array, start: Array, steps: int) -> tuple[Array, Array]:
    """Mean and covariance after so many steps x ← M x + shift + √noise z."""
    mean, cov = np.array(start, float), np.zeros((len(start), len(start)))
    for _ in range(steps):
        mean, cov = m @ mean + shift, m @ cov @ m.T + noise
    return mean, cov


def moment_rows(name: str, x: Array, mean: Array, cov: Array) -> list[Row]:
    """Means and covariances of x (n, d)."""
    rows = [mean_row(f"{name}: E x{k}", mean[k], x[:, k]) for k in range(len(mean))]
    away = x - mean
    for k in range(len(mean)):
        for j in range(k + 1):
            rows.append(mean_row(f"{name}: Cov(x{k}, x{j})", cov[k, j], away[:, k] * away[:, j]))
    return rows


@case("GT45", "The shipped equations have the moments of their chains", small=0, large=200_000)
def gt45(n: int, seed: int) -> list[Row]:
    """Linear chains exactly; of square roots while no step ends below 0, here by fifteen and more deviations.

    Lorenz: means of x, z and ½x² do not change in the stationary law of the chain, step by step.
    """
    run = {"dt": DT, "steps": STEPS, "n": n}
    a, b = np.array([[1.0, 0.6], [-0.4, 0.8]]), np.array([[0.5, 0.1, 0.0], [0.0, 0.3, 0.4]])
    rest = np.array([0.5, -0.5])
    step = np.eye(2) - DT * a
    mean, cov = linear_chain(step, DT * a @ rest, DT * b @ b.T, np.array([2.0, 1.0]), STEPS)
    equation = sdes.OrnsteinUhlenbeck(a, b, rest)
    rows = moment_rows("Ornstein–Uhlenbeck", final(equation, [], [2.0, 1.0], seed=seed, **run), mean, cov)

    mu, sigma = 0.3, 0.4
    x = final(sdes.GeometricBrownian(mu, sigma), [], 1.0, seed=seed + 1, **run)
    grown = (1 + mu * DT) ** STEPS
    square = ((1 + mu * DT) ** 2 + sigma**2 * DT) ** STEPS
    rows += moment_rows("geometric Brownian", x, np.array([grown]), np.array([[square - grown**2]]))

    kappa, m, s, rho, growth = 2.0, 0.3, 0.2, -0.6, 0.1
    keep, push = 1 - kappa * DT, kappa * m * DT
    v, v2, price, both = 0.4, 0.16, 1.0, 0.4
    for _ in range(STEPS):
        both = (1 + growth * DT) * (keep * both + push * price) + rho * s * DT * both
        price *= 1 + growth * DT
        v, v2 = keep * v + push, keep**2 * v2 + 2 * push * keep * v + push**2 + s**2 * DT * v
    x = final(sdes.CoxIngersollRoss(kappa, m, s), [], 0.4, seed=seed + 2, **run)
    rows += moment_rows("Cox–Ingersoll–Ross", x, np.array([v]), np.array([[v2 - v * v]]))
    x = final(sdes.Heston(growth, kappa, m, s, rho, 0.4), [], [1.0, 0.4], seed=seed + 3, **run)
    away = x - np.array([price, v])
    rows += [
        mean_row("Heston: E S", price, x[:, 0]),
        mean_row("Heston: E v", v, x[:, 1]),
        mean_row("Heston: Cov(S, v)", both - price * v, away[:, 0] * away[:, 1]),
        mean_row("Heston: Var v", v2 - v * v, away[:, 1] ** 2),
    ]

    stiffness, friction, heat = 2.0, 0.7, 0.4
    step = np.eye(2) + DT * np.array([[0.0, 1.0], [-stiffness, -friction]])
    pushes = np.diag([0.0, 2 * friction * heat * DT])
    mean, cov = linear_chain(step, np.zeros(2), pushes, np.array([1.0, 0.0]), 4 * STEPS)
    equation = sdes.Underdamped(Quadratic(stiffness), friction, heat)
    x = final(equation, [], [1.0, 0.0], dt=DT, steps=4 * STEPS, n=n, seed=seed + 4)
    return rows + moment_rows("underdamped", x, mean, cov) + lorenz_rows(max(64, n // 1000), seed + 5)


def lorenz_rows(n: int, seed: int) -> list[Row]:
    """E f₁, E f₃ and E(x f₁ + ½ dt f₁² + ½ f²) are 0 in the chain's stationary law, along n long paths."""
    equation, dt = sdes.Lorenz(factor=1.0), 1e-3
    # Apart from the start: paths from one point stay together for long.
    start = np.array([0.0, 0.0, 25.0]) + 10.0 * np.random.default_rng(seed).standard_normal((n, 3))
    x = path(equation, [], start, dt=dt, steps=50_000, n=n, seed=seed, every=10)[:, 1000:]
    f = equation.drift_at(x)
    energy = x[..., 0] * f[..., 0] + 0.5 * dt * f[..., 0] ** 2 + 0.5
    parts = {"drift of x": f[..., 0], "drift of z": f[..., 2], "drift of ½x²": energy}
    return [mean_row(f"Lorenz: {name}", 0.0, part.mean(axis=1)) for name, part in parts.items()]


@case("GT46", "Milstein on an equation of its own has the strong error of its chain", small=0, large=50_000)
def gt46(n: int, seed: int) -> list[Row]:
    """As of GT11, with B(t, x) = s x whose slope is found by differences, and two prices on shared noise."""
    mu, s, time = 0.5, 0.8, 1.0
    rows = []
    for k, steps in enumerate((16, 64)):
        h = time / steps
        rng = np.random.default_rng(seed + k)
        w = math.sqrt(h) * rng.standard_normal((steps, n, 1))
        equation = sdes.GeometricBrownian(mu, s)
        exact = np.exp((mu - 0.5 * s**2) * time + s * w.sum(axis=0)[:, 0])
        for name, scheme in (("Euler–Maruyama", "euler-maruyama"), ("Milstein", "milstein")):
            end = sdesim.integrate(equation, w, 1.0, dt=h, scheme=scheme)[-1, :, 0]
            error = gbm_strong_error(mu, s, time, steps, name == "Milstein")
            rows.append(mean_row(f"{name}: mean squared error, {steps} steps", error, (end - exact) ** 2))
    shares = np.array([[0.3, 0.2], [0.1, 0.4]])
    basket = sdesim.SDE(
        lambda t, x: (0.05 * x[0], 0.02 * x[1]),
        lambda t, x: ((0.3 * x[0], 0.2 * x[0]), (0.1 * x[1], 0.4 * x[1])),
        dim=2,
    )
    drifts, size = np.array([0.05, 0.02]), np.sqrt((shares**2).sum(axis=1))
    w = 0.25 * np.random.default_rng(seed + 2).standard_normal((16, n, 2))
    end = sdesim.integrate(basket, w, 1.0, dt=1 / 16, scheme="milstein")[-1]
    exact = np.exp(drifts - 0.5 * size**2 + w.sum(axis=0) @ shares.T)
    for k in range(2):
        error = gbm_strong_error(drifts[k], size[k], 1.0, 16, True)
        rows.append(mean_row(f"price {k} of two on shared noise", error, (end[:, k] - exact[:, k]) ** 2))
    return rows
