"""What an order does not show: closed-form errors, the stationary law of BAOAB, and who explodes."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

import sdesim
from analysis.convergence.problems import GROWTH, PROBLEMS, SGD_RATE, SGD_START, SGD_VARIANCE, VOLATILITY
from analysis.convergence.study import Order
from analysis.ground_truth import Row
from analysis.ground_truth.linear import ou_strong_error
from analysis.ground_truth.multiplicative import gbm_strong_error
from sdesim import noise, schemes, surfaces
from sdesim.engine import drive

EXPLOSIVE = ("euler-maruyama", "heun", "tamed-euler", "implicit-euler")


def closed_forms(orders: Iterable[Order]) -> list[Row]:
    """Mean squared strong errors of linear equations against their closed forms, at every step."""
    rows = []
    for order in orders:
        if order.kind != "strong":
            continue
        for dt, error, se in zip(order.dt, order.error, order.se, strict=True):
            exact = _mean_squared_error(order, float(dt))
            if exact is not None:
                name = f"{order.problem}, {order.scheme}, dt = {dt:g}: E error²"
                rows.append(Row(name, exact, float(error**2), float(2 * error * se)))
    return rows


def _mean_squared_error(order: Order, dt: float) -> float | None:
    """E error² of the chain at the end, where it has a closed form."""
    duration = PROBLEMS[order.problem].duration
    steps = round(duration / dt)
    if order.problem == "geometric" and order.scheme in ("euler-maruyama", "milstein"):
        return gbm_strong_error(-GROWTH, VOLATILITY, duration, steps, order.scheme == "milstein")
    if order.problem == "sgd":
        start = SGD_START * ((1 - SGD_RATE * dt) ** steps - math.exp(-SGD_RATE * duration))
        return start**2 + ou_strong_error(SGD_RATE, 0.5 * dt * SGD_VARIANCE, duration, steps)
    return None


def stationary_variance(count: int, seed: int) -> list[Row]:
    """Var θ of long runs on ½ λ θ²: D/λ for BAOAB at any dt, D/(λ (1 − λ dt/2)) for Euler–Maruyama."""
    rate, d, rows = 1.0, 0.5, []
    rng = np.random.default_rng(seed)
    for dt in (0.25, 0.5, 1.0, 1.5):
        steps = math.ceil(25 / dt)
        given = math.sqrt(2 * d * dt) * rng.standard_normal((steps, count, 1))
        for scheme in (schemes.BAOAB(friction=2.0), schemes.EulerMaruyama()):
            end = drive(
                surfaces.Quadratic(rate), [noise.Gaussian(diffusion=d)], 0.0, given, dt=dt, scheme=scheme
            )[-1]
            exact = d / rate if scheme.name == "baoab" else d / (rate * (1 - rate * dt / 2))
            # The relative standard error of the variance of n normals is √(2/n).
            rows.append(
                Row(
                    f"{scheme.name}, dt = {dt:g}: stationary variance",
                    exact,
                    float(np.mean(end**2)),
                    exact * math.sqrt(2 / count),
                )
            )
    return rows


def exploded(count: int, seed: int, steps: tuple[float, ...]) -> dict[str, list[float]]:
    """Share of trajectories that leave the finite numbers by t = 20 on a quartic with D = 1, per dt."""
    surface, driving = surfaces.DoubleWell(barrier=0.25), noise.Gaussian(diffusion=1.0)
    shares: dict[str, list[float]] = {}
    for scheme in EXPLOSIVE:
        for dt in steps:
            run = sdesim.simulate(
                surface, driving, dt=dt, steps=round(20 / dt), trajectories=count, seed=seed, scheme=scheme,
                save_every=10**9, progress=False,
            )  # fmt: skip
            shares.setdefault(scheme, []).append(float((run.status.values == 1).mean()))
    return shares
