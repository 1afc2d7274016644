"""Gradient descent and SGD as chains: dt = η."""

from __future__ import annotations

import math

import numpy as np

from analysis.ground_truth.case import Row, case, final, mean_row, path, reference, value_row
from analysis.ground_truth.exact import Array, chi2_power_mean, normal_mean, tail_exponent
from analysis.ground_truth.toys import ETA, inputs, maps, regression
from sdesim.noise import Gaussian, Minibatch
from sdesim.surfaces import Product, Quadratic


def sgd_noise(eta: float, deviations: list[float]) -> Gaussian:
    """Gradient noise of standard deviations s_i at learning rate η: D = η s²/2."""
    return Gaussian(0.5 * eta * np.square(deviations))


def sgd(label_noise: float, batch: int, eta: float, theta0: float, steps: int, n: int, seed: int) -> Array:
    """θ (n,) after so many steps of SGD on the one-dimensional regression."""
    surface = regression(label_noise)
    noise = Minibatch(surface, batch, eta, law="subsample")
    return final(surface, noise, theta0, dt=eta, steps=steps, n=n, seed=seed, scheme="sgd")[:, 0]


@case("GT21", "Lyapunov exponents of gradient descent, of SGD and of a chaotic map", small=2000, large=10_000)
def gt21(n: int, seed: int) -> list[Row]:
    """log|1 − ηλ_i|; E log|1 − ηa²| for batches of one, here over the 32 inputs; log 2 of 4x(1 − x)."""
    rates, eta, steps = np.array([0.1, 1.0, 2.3]), 0.9, 20
    x = path(Quadratic(rates), [], 1.0, dt=eta, steps=steps, n=1, seed=seed)[0]
    exact = np.log(np.abs(1 - eta * rates)).max()
    growth = np.log(np.abs(x[-1] / x[0])).max() / steps

    products = sgd(0.0, 1, 1.0, 1.0, steps, n, seed + 1)
    over_data = float(np.log(np.abs(1 - inputs() ** 2)).mean())

    # The map forgets its start in some 50 steps; rounding throws an orbit out of [0, 1] once in 1e8 steps.
    start = np.zeros((n, 5))
    start[:, 1] = np.random.default_rng(seed).uniform(0.1, 0.9, n)
    orbit = path(maps(), [], start, dt=ETA, steps=250, n=n, seed=seed)[:, 50:-1, 1]
    return [
        value_row("gradient descent: largest exponent", exact, growth, 1e-13),
        mean_row("SGD on 32 inputs: exponent", over_data, np.log(np.abs(products)) / steps),
        mean_row("logistic map: exponent", math.log(2), np.log(np.abs(4 - 8 * orbit)).mean(axis=1)),
        reference("SGD on normal inputs: exponent", log_normal_square(1.0)),
        reference("SGD on normal inputs: mean-square factor", 1 - 2 * 1.0 + 3 * 1.0**2),
    ]


def log_normal_square(eta: float) -> float:
    """E log|1 − ηa²|, a standard normal."""
    return normal_mean(lambda a: math.log(abs(1 - eta * a * a)), (-(eta**-0.5), eta**-0.5))


@case("GT24", "Gradient descent at the edge of stability", small=1, large=1)
def gt24(n: int, seed: int) -> list[Row]:
    """L = ½ (xy − 1)²: the residual is multiplied by 1 − η (x² + y²), and no run ends where that is unstable.

    V′ = λx − x³: where 2 < ηλ < 3 an orbit ±√((ηλ − 2)/η) with sharpness 6/η − 2λ, of multiplier 2ηλ − 5.
    """
    sharpness = 4.0**2 + 4.0**-2
    push = 1e-7 / math.sqrt(sharpness)
    near = [4.0 + push / 4.0, 0.25 + push * 4.0]
    step = path(Product(2), [], near, dt=ETA, steps=1, n=1, seed=seed)[0]
    residual = step[:, 0] * step[:, 1] - 1

    first = np.append(math.sqrt(2 / ETA) * np.linspace(1.012, 1.107, 20), 4.0)
    start = np.column_stack([first, 1 / first + 1e-6])
    end = final(Product(2), [], start, dt=ETA, steps=100_000, n=len(start), seed=seed)

    lam = 11.0
    amplitude = math.sqrt((ETA * lam - 2) / ETA)
    orbit = path(maps(), [], [0.3, 0, 0, 0, 0], dt=ETA, steps=200, n=1, seed=seed)[0, -2:, 0]
    pushed = path(maps(), [], [amplitude + 1e-7, 0, 0, 0, 0], dt=ETA, steps=1, n=1, seed=seed)[0, 1, 0]
    return [
        reference("sharpness at (4, ¼)", sharpness),
        value_row("multiplier of the residual there", 1 - ETA * sharpness, residual[1] / residual[0], 1e-5),
        value_row("share of 21 runs that end above 2/η", 0.0, np.mean((end**2).sum(axis=1) > 2 / ETA), 0.0),
        value_row("largest residual at their ends", 0.0, np.abs(end[:, 0] * end[:, 1] - 1).max(), 1e-12),
        value_row("orbit: amplitude", amplitude, abs(orbit[1]), 1e-12),
        value_row("orbit: change of sign", -1.0, orbit[1] / orbit[0], 1e-12),
        value_row("orbit: sharpness", 6 / ETA - 2 * lam, lam - 3 * orbit[1] ** 2, 1e-11),
        value_row("orbit: multiplier", 2 * ETA * lam - 5, (pushed + amplitude) / 1e-7, 1e-5),
    ]


def stationary_square(eta: float, batch: int, label_noise: float, second: float, fourth: float) -> float:
    """E θ² of SGD on one-dimensional least squares from E a² and E a⁴; +∞ where it does not exist.

    θ⁺ = (1 − ηA) θ + ηG: E(1 − ηA)² = (1 − η E a²)² + η² Var(a²)/B and E G² = E a² t²/B.
    """
    contraction = (1 - eta * second) ** 2 + eta**2 * (fourth - second**2) / batch
    if contraction >= 1:
        return math.inf
    return eta**2 * second * label_noise**2 / batch / (1 - contraction)


@case("GT26", "Stationary E‖θ‖² of SGD with additive noise and on least squares", small=20_000, large=500_000)
def gt26(n: int, seed: int) -> list[Row]:
    """Additive: Σ η s_i²/(λ_i (2 − η λ_i)).

    Least squares with normal inputs: stable iff η (1 + (d + 1)/B) < 2.
    """
    rates, deviations, eta = np.array([1.0, 5.0]), [1.0, 2.0], 0.1
    exact = float(np.sum(eta * np.square(deviations) / (rates * (2 - eta * rates))))
    theta = final(Quadratic(rates), sgd_noise(eta, deviations), dt=eta, steps=140, n=n, seed=seed)

    eta, batch, t = 0.3, 4, 0.5
    a = inputs()
    over_data = stationary_square(eta, batch, t, float((a**2).mean()), float((a**4).mean()))
    chain = sgd(t, batch, eta, 0.0, 80, n, seed + 1)
    return [
        mean_row("additive noise: E‖θ‖²", exact, (theta**2).sum(axis=1)),
        mean_row("least squares on 32 inputs: E θ²", over_data, chain**2),
        reference("least squares on normal inputs: E θ²", stationary_square(eta, batch, t, 1.0, 3.0)),
        reference("largest stable η, d = 1", 2 / (1 + 2 / batch)),
        reference("largest stable η, d = 10", 2 / (1 + 11 / batch)),
    ]


@case("GT27", "SGD on least squares has the power-law tail of Kesten", small=20_000, large=1_000_000)
def gt27(n: int, seed: int) -> list[Row]:
    """κ with E|1 − ηA|^κ = 1, A the mean of a² over the batch.

    Hill's estimator from the largest 1% is biased by up to about a tenth beside its relative error 1/√k.
    """
    rows = []
    for k, eta in enumerate((1.0, 1.5)):
        factor = np.abs(1 - eta * inputs() ** 2)
        kappa = tail_exponent(lambda p, factor=factor: float((factor**p).mean()))
        one = sgd(0.0, 1, eta, 1.0, 1, n, seed + 2 * k)
        rows.append(reference(f"η = {eta}: κ on 32 inputs", kappa))
        half = float((factor ** (kappa / 2)).mean())
        rows.append(mean_row(f"η = {eta}: E|θ₁/θ₀|^(κ/2)", half, np.abs(one) ** (kappa / 2)))
        end = sgd(1.0, 1, eta, 0.0, 150, n, seed + 2 * k + 1)
        top = np.sort(np.abs(end))[-(n // 100) - 1 :]
        hill = 1 / np.log(top[1:] / top[0]).mean()
        room = kappa * (0.15 + 5 / math.sqrt(n // 100))
        rows.append(value_row(f"η = {eta}: Hill's estimator of κ", kappa, hill, room))
    for batch in (1, 2):
        for eta in (0.4, 2 / 3, 1.0, 1.5):
            kappa = tail_exponent(lambda p, e=eta, b=batch: chi2_power_mean(p, e, b))
            rows.append(reference(f"κ on normal inputs, B = {batch}, η = {eta:.4g}", kappa))
    return rows


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
    # V′ = x³ − rx slows down at its own critical point r = 0: rate −r below it, 2r above, at x = √r.
    start, push = np.array([0.0, 0.0, 0.0, 0.0, 1.0]), 1e-6
    moved = path(maps(), [], start + push, dt=ETA, steps=1, n=1, seed=seed)[0, 1] - start
    for i, r, pull in ((2, -1, 1.0), (3, 0, 0.0), (4, 1, 2.0)):
        rows.append(value_row(f"pitchfork, r = {r}: multiplier", 1 - ETA * pull, moved[i] / push, 1e-5))
    return rows
