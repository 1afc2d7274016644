"""Geometric Brownian motion."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import log_ndtr, stdtrit

from sdesim.errors import EstimatorError
from sdesim.fits.base import Array, Base, Parameter
from sdesim.fits.transitions import Transitions
from sdesim.kinds import kind

DRIFT, VOLATILITY = range(2)


@kind("fits", "geometric-brownian")
@dataclass(frozen=True)
class GeometricBrownian(Base):
    """dx = μ x dt + σ x dW (Itô): parameters drift μ and volatility σ.

    log x₁/x₀ ~ N((μ − σ²/2) h, σ² h), exact at every h; ℓ is of x itself, so that its AIC compares with other
    models of the same series.

    Source: F. Black & M. Scholes, J. Polit. Econ. 81 (1973).

    Example:
        {kind: geometric-brownian}
    """

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """drift, volatility."""
        return Parameter("drift"), Parameter("volatility", 0.0)

    def check(self, data: Transitions) -> None:
        """Values must lie above 0."""
        least = min(float(x.min()) for x in data.values)
        if not least > 0:
            raise EstimatorError(f"series: found {least:g}, allowed: numbers above 0 for geometric-brownian")

    def bounds(self, data: Transitions) -> tuple[Array, Array]:
        """σ of no more than e^{±30} of what the increments say."""
        _, sigma = self.starts(data)[0]
        return np.array([-np.inf, 1e-13 * sigma]), np.array([np.inf, 1e13 * sigma])

    def starts(self, data: Transitions) -> Sequence[Array]:
        """The maximum itself."""
        y, h = np.log(data.after / data.before), data.dt
        nu = float(y.sum() / h.sum())
        sigma = math.sqrt(float(((y - nu * h) ** 2 / h).mean()))
        if not sigma > 1e-9 * float(np.abs(y / np.sqrt(h)).max()):
            raise EstimatorError("series: found steady growth without noise, allowed: values with noise")
        return [np.array([nu + 0.5 * sigma**2, sigma])]

    def innovations(self, theta: Array, data: Transitions) -> Array:
        """z, standard normal."""
        mean = (theta[DRIFT] - 0.5 * theta[VOLATILITY] ** 2) * data.dt
        return np.asarray((np.log(data.after / data.before) - mean) / (theta[VOLATILITY] * np.sqrt(data.dt)))

    def log_density(self, theta: Array, data: Transitions) -> Array:
        """Of the lognormal law."""
        z = self.innovations(theta, data)
        scale = theta[VOLATILITY] * np.sqrt(2.0 * np.pi * data.dt) * data.after
        return np.asarray(-0.5 * z * z - np.log(scale))

    def log_tails(self, theta: Array, data: Transitions) -> tuple[Array, Array]:
        """Of the normal law."""
        z = self.innovations(theta, data)
        return log_ndtr(z), log_ndtr(-z)

    def draw(self, theta: Array, before: Array, dt: Array, rng: np.random.Generator) -> Array:
        """One normal each."""
        mu, sigma = theta
        z = rng.standard_normal(before.shape)
        return np.asarray(before * np.exp((mu - 0.5 * sigma**2) * dt + sigma * np.sqrt(dt) * z))

    def cutoff(self, name: str, theta: Array, data: Transitions, side: int, level: float) -> float | None:
        """That of Student's t, exact for a mean of normal values."""
        t = float(stdtrit(data.n - 1.0, 0.5 + 0.5 * level))
        return math.sqrt(data.n * math.log1p(t * t / (data.n - 1.0)))

    def equation(self, values: Mapping[str, float]) -> Any:
        """`sdes.GeometricBrownian`."""
        from sdesim.sdes import GeometricBrownian as Equation

        return Equation(drift=values["drift"], volatility=values["volatility"])
