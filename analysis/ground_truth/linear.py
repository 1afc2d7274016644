"""Linear drift with additive noise: laws of the discrete chain in closed form."""

from __future__ import annotations

import math

import numpy as np

from analysis.ground_truth.case import Row, case, final, mean_row, path, quantile_row, reference
from analysis.ground_truth.exact import StableLaw, ar1_stable_scale, ar1_variance
from analysis.ground_truth.toys import rotating
from sdesim.noise import Gaussian, Stable
from sdesim.surfaces import Quadratic


@case(
    "GT01", "Euler–Maruyama on a quadratic has the stationary variance D/(λ(1 − λh/2))",
    small=40_000, large=2_000_000,
)  # fmt: skip
def gt01(n: int, seed: int) -> list[Row]:
    """x⁺ = (1 − λh) x + √(2Dh) z."""
    rate, diffusion, h = 2.0, 0.5, 0.1
    x = final(Quadratic(rate), Gaussian(diffusion), dt=h, steps=70, n=n, seed=seed)[:, 0]
    return [
        mean_row("variance of the chain", ar1_variance(1 - rate * h, 2 * diffusion * h), x**2),
        reference("variance as h → 0, D/λ", diffusion / rate),
    ]


@case(
    "GT02",
    "Mean, variance and autocorrelation of Euler–Maruyama after k steps",
    small=40_000,
    large=4_000_000,
)
def gt02(n: int, seed: int) -> list[Row]:
    """m_k = x₀ r^k, v_k = v_∞ (1 − r^{2k}), ρ_k = r^k with r = 1 − λh."""
    rate, diffusion, h, k, start = 1.0, 0.5, 0.2, 5, 3.0
    ratio = 1 - rate * h
    stationary = ar1_variance(ratio, 2 * diffusion * h)
    x = final(Quadratic(rate), Gaussian(diffusion), start, dt=h, steps=k, n=n, seed=seed)[:, 0]
    y0 = math.sqrt(stationary) * np.random.default_rng(seed).standard_normal((n, 1))
    y = final(Quadratic(rate), Gaussian(diffusion), y0, dt=h, steps=k, n=n, seed=seed + 1)
    mean = start * ratio**k
    return [
        mean_row("mean after k", mean, x),
        mean_row("variance after k", stationary * (1 - ratio ** (2 * k)), (x - mean) ** 2),
        mean_row("autocorrelation at lag k", ratio**k, y0[:, 0] * y[:, 0] / stationary),
        reference("autocorrelation as h → 0", math.exp(-rate * k * h)),
    ]


@case(
    "GT03", "Stable noise on a quadratic is stable with the scale σ h^{1/α}/(1 − |1 − λh|^α)^{1/α}",
    small=40_000, large=1_000_000,
)  # fmt: skip
def gt03(n: int, seed: int) -> list[Row]:
    """Scales add as s^α, so the stationary law of the chain is S_α of that scale."""
    alpha, rate, sigma, h, p = 1.5, 1.0, 0.7, 0.1, 0.9
    law = StableLaw(alpha)
    scale = ar1_stable_scale(1 - rate * h, sigma * h ** (1 / alpha), alpha)
    x = final(Quadratic(rate), Stable(alpha, sigma), dt=h, steps=145, n=n, seed=seed)[:, 0]
    q = law.quantile(p)
    return [
        reference("scale as h → 0", sigma / (alpha * rate) ** (1 / alpha)),
        reference("scale of the chain", scale),
        mean_row("E cos(x/scale)", math.exp(-1), np.cos(x / scale)),
        mean_row("E cos(2x/scale)", math.exp(-(2**alpha)), np.cos(2 * x / scale)),
        quantile_row("90% quantile", scale * q, x, p, law.pdf(q) / scale),
    ]


@case(
    "GT04",
    "Gaussian and stable increments add: E e^{iuX} = exp(−h(Du² + σ^α|u|^α))",
    small=40_000,
    large=4_000_000,
)
def gt04(n: int, seed: int) -> list[Row]:
    """One step without drift."""
    alpha, diffusion, sigma, h = 1.3, 0.2, 0.5, 0.3
    noises = [Gaussian(diffusion), Stable(alpha, sigma)]
    x = final(Quadratic(0.0), noises, dt=h, steps=1, n=n, seed=seed)[:, 0]
    return [
        mean_row(f"E cos({u}x)", math.exp(-h * (diffusion * u**2 + (sigma * u) ** alpha)), np.cos(u * x))
        for u in (0.5, 1.0, 3.0)
    ]


@case(
    "GT05",
    "Both noises on a quadratic: the stationary characteristic function of the chain",
    small=30_000,
    large=1_000_000,
)
def gt05(n: int, seed: int) -> list[Row]:
    """log φ(u) = −Dhu²/(1 − r²) − σ^α h|u|^α/(1 − |r|^α), r = 1 − λh."""
    alpha, rate, diffusion, sigma, h = 1.7, 2.0, 0.3, 0.4, 0.05
    ratio = 1 - rate * h
    noises = [Gaussian(diffusion), Stable(alpha, sigma)]
    x = final(Quadratic(rate), noises, dt=h, steps=140, n=n, seed=seed)[:, 0]
    rows = []
    for u in (1.0, 2.5):
        gauss, stable = diffusion * u**2, (sigma * u) ** alpha
        chain = math.exp(-gauss * h / (1 - ratio**2) - stable * h / (1 - ratio**alpha))
        rows.append(reference(f"φ({u}) as h → 0", math.exp(-gauss / (2 * rate) - stable / (alpha * rate))))
        rows.append(mean_row(f"φ({u}) of the chain", chain, np.cos(u * x)))
    return rows


def ou_strong_error(rate: float, diffusion: float, time: float, steps: int) -> float:
    """E(X_T − X_N)² of Euler–Maruyama on the Ornstein–Uhlenbeck process driven by the same path.

    2D Σ_k ∫ over step k of (e^{−λ(T−s)} − (1 − λh)^{N−1−k})² ds.
    """
    h = time / steps
    k = np.arange(steps)
    chain = (1 - rate * h) ** (steps - 1 - k)
    early, late = np.exp(-rate * (time - k * h)), np.exp(-rate * (time - (k + 1) * h))
    parts = (late**2 - early**2) / (2 * rate) - 2 * chain * (late - early) / rate + chain**2 * h
    return float(2 * diffusion * parts.sum())


@case("GT12", "Additive noise: Euler–Maruyama has strong order 1", small=40_000, large=2_000_000)
def gt12(n: int, seed: int) -> list[Row]:
    """The engine's path gives its increments ΔW; ∫e^{−λ(h−s)} dW given ΔW is Gaussian and drawn beside it."""
    rate, diffusion, time, steps = 1.0, 0.5, 1.0, 8
    h = time / steps
    x = path(Quadratic(rate), Gaussian(diffusion), dt=h, steps=steps, n=n, seed=seed)[:, :, 0]
    noise = x[:, 1:] - (1 - rate * h) * x[:, :-1]
    decay = math.exp(-rate * h)
    slope = (1 - decay) / (rate * h)
    rest = math.sqrt(2 * diffusion * ((1 - decay**2) / (2 * rate) - slope**2 * h))
    rng, exact = np.random.default_rng(seed), np.zeros(n)
    for k in range(steps):
        exact = decay * exact + slope * noise[:, k] + rest * rng.standard_normal(n)
    sizes = np.array([8, 16, 32, 64])
    errors = [ou_strong_error(rate, diffusion, time, int(m)) for m in sizes]
    weak = np.abs((1 - rate * time / sizes) ** sizes - math.exp(-rate * time))
    return [
        mean_row("mean squared error, 8 steps", errors[0], (x[:, -1] - exact) ** 2),
        reference(
            "strong slope over 8 to 64 steps", np.polyfit(np.log(1 / sizes), 0.5 * np.log(errors), 1)[0]
        ),
        reference("weak slope over 8 to 64 steps", np.polyfit(np.log(1 / sizes), np.log(weak), 1)[0]),
    ]


@case("GT16", "A drift that is no gradient: variance and circulation", small=20_000, large=1_000_000)
def gt16(n: int, seed: int) -> list[Row]:
    """dx = (−a + wJ)x dt + √(2D) dW: the chain has variance 2D/(2a − (a² + w²)h), circulation 2w times it."""
    a, w, diffusion, h = 1.0, 3.0, 0.5, 0.05
    variance = 2 * diffusion / (2 * a - (a**2 + w**2) * h)
    surface, noise = rotating(a, w), Gaussian(diffusion)
    x = final(surface, noise, dt=h, steps=260, n=n, seed=seed)
    y = final(surface, noise, x, dt=h, steps=1, n=n, seed=seed + 1)
    circulation = (x[:, 0] * (y[:, 1] - x[:, 1]) - x[:, 1] * (y[:, 0] - x[:, 0])) / h
    return [
        mean_row("variance of a component of the chain", variance, 0.5 * (x**2).sum(axis=1)),
        mean_row("circulation of the chain", 2 * w * variance, circulation),
        reference("variance as h → 0, D/a", diffusion / a),
        reference("entropy production as h → 0", 2 * w**2 / a),
    ]
