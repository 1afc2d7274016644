"""The Ornstein–Uhlenbeck process with Gaussian noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import log_ndtr

from sdesim.fits.base import Array, Base, Parameter
from sdesim.fits.returning import (
    autoregression,
    decay,
    drifting,
    mean_bounds,
    moved_mean,
    rate_bounds,
    rate_flags,
    refuse_no_rate,
    returning_cutoff,
)
from sdesim.fits.transitions import Transitions
from sdesim.kinds import kind

RATE, MEAN, FACTOR = range(3)


@kind("fits", "ornstein-uhlenbeck")
@dataclass(frozen=True)
class OrnsteinUhlenbeck(Base):
    """dx = λ (m − x) dt + σ dW: parameters rate λ, mean m and factor σ; or with stable noise.

    A transition is x₁ ~ N(m + e^{−λh} (x₀ − m), σ² (1 − e^{−2λh})/(2λ)), exact at every h, so that unequal
    steps and gaps cost nothing. The interval of the rate holds at any λT (`sdesim.fits.reversion`).

    Args:
        noise: "gaussian", or "stable" for `stable-ornstein-uhlenbeck` in its place.

    Source: G. Uhlenbeck & L. Ornstein, Phys. Rev. 36 (1930).

    Example:
        {kind: ornstein-uhlenbeck}
    """

    noise: Literal["gaussian", "stable"] = "gaussian"

    def form(self) -> Base:
        """This, or the model with stable noise."""
        from sdesim.fits.models.stable_ornstein_uhlenbeck import StableOrnsteinUhlenbeck

        return self if self.noise == "gaussian" else StableOrnsteinUhlenbeck()

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """rate, mean, factor."""
        return Parameter("rate", 0.0), Parameter("mean"), Parameter("factor", 0.0)

    def bounds(self, data: Transitions) -> tuple[Array, Array]:
        """Rates between those of a walk and of independent values."""
        slow, fast = rate_bounds(data)
        near, far = mean_bounds(data)
        return np.array([slow, near, 1e-12 * data.size]), np.array([fast, far, 1e12 * data.size])

    def starts(self, data: Transitions) -> Sequence[Array]:
        """By regression of x₁ on x₀, and from a drift."""
        rate, mean, spread = autoregression(data)
        return [np.array([rate, mean, spread]), np.array([*drifting(data), spread])]

    def _law(self, theta: Array, data: Transitions) -> tuple[Array, Array]:
        """Mean and standard deviation of x₁ (n,)."""
        a, variance = decay(float(theta[RATE]), data)
        return theta[MEAN] + a * (data.before - theta[MEAN]), theta[FACTOR] * np.sqrt(variance)

    def log_density(self, theta: Array, data: Transitions) -> Array:
        """−½ z² − log s − ½ log 2π."""
        mean, s = self._law(theta, data)
        return np.asarray(-0.5 * ((data.after - mean) / s) ** 2 - np.log(s) - 0.5 * np.log(2.0 * np.pi))

    def log_tails(self, theta: Array, data: Transitions) -> tuple[Array, Array]:
        """Of the normal law."""
        z = self.innovations(theta, data)
        return log_ndtr(z), log_ndtr(-z)

    def draw(self, theta: Array, before: Array, dt: Array, rng: np.random.Generator) -> Array:
        """One normal each."""
        rate, mean, factor = theta
        s = factor * np.sqrt(-np.expm1(-2.0 * rate * dt) / (2.0 * rate))
        return np.asarray(mean + np.exp(-rate * dt) * (before - mean) + s * rng.standard_normal(before.shape))

    def innovations(self, theta: Array, data: Transitions) -> Array:
        """z = (x₁ − E x₁)/s, standard normal."""
        mean, s = self._law(theta, data)
        return np.asarray((data.after - mean) / s)

    def carried(self, theta: Array, place: int, value: float, data: Transitions) -> Array:
        """With another rate the drift at the middle of the data stays."""
        return moved_mean(super().carried(theta, place, value, data), theta, RATE, MEAN, data)

    def cutoff(self, name: str, theta: Array, data: Transitions, side: int, level: float) -> float | None:
        """Of rate and mean, by simulation."""
        return returning_cutoff(name, theta[RATE], theta[MEAN], theta[FACTOR], data, side, level)

    def flags(self, estimates: Mapping[str, Any], data: Transitions) -> Mapping[str, Sequence[str]]:
        """`near_unit_root`, `rate_not_identified`."""
        return rate_flags(estimates, data)

    def equation(self, values: Mapping[str, float]) -> Any:
        """`sdes.OrnsteinUhlenbeck`."""
        from sdesim.sdes import OrnsteinUhlenbeck as Equation

        refuse_no_rate(values)
        return Equation(rate=values["rate"], factor=values["factor"], mean=values["mean"])
