"""Two means with known values: a call option on a geometric Brownian motion, and a mean square."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scipy.special import ndtr

from sdesim import sdes

DRIFT, VOLATILITY, STRIKE = 0.05, 0.2, 1.0
RATE, FACTOR, START, DURATION = 1.0, 0.5, 1.0, 2.0


def call(x: Any) -> float:
    """max(x − 1, 0)."""
    return max(x[0] - STRIKE, 0.0)


def square(x: Any) -> float:
    """x²."""
    return x[0] * x[0]


@dataclass(frozen=True)
class Problem:
    """A mean at the end of paths.

    Attributes:
        name, sde, quantity, duration, start: of it. exact: its value.
    """

    name: str
    sde: Any
    quantity: Callable[..., Any]
    duration: float
    start: float
    exact: float


def _black_scholes() -> float:
    """E max(x − K, 0) at T = 1, x₀ = 1: e^μ Φ(d₁) − K Φ(d₁ − σ)."""
    d = (math.log(1.0 / STRIKE) + DRIFT + 0.5 * VOLATILITY**2) / VOLATILITY
    return float(math.exp(DRIFT) * ndtr(d) - STRIKE * ndtr(d - VOLATILITY))


def _mean_square() -> float:
    fall = math.exp(-2.0 * RATE * DURATION)
    return START**2 * fall + FACTOR**2 / (2.0 * RATE) * (1.0 - fall)


PROBLEMS = (
    Problem(
        "call option on geometric Brownian motion", sdes.GeometricBrownian(DRIFT, VOLATILITY), call, 1.0, 1.0,
        _black_scholes(),
    ),
    Problem(
        "mean square of an Ornstein–Uhlenbeck process", sdes.OrnsteinUhlenbeck(RATE, FACTOR), square,
        DURATION, START, _mean_square(),
    ),
)  # fmt: skip
