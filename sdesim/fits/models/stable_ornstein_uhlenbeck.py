"""The Ornstein–Uhlenbeck process with symmetric stable noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.fits.base import Array, Base, Parameter
from sdesim.fits.returning import (
    autoregression,
    mean_bounds,
    moved_mean,
    rate_bounds,
    rate_flags,
    refuse_no_rate,
)
from sdesim.fits.stable_density import log_density
from sdesim.fits.transitions import Transitions
from sdesim.kinds import kind

RATE, MEAN, ALPHA, SCALE = range(4)
# Below this α the density's peak is so sharp that chance decides where the mean is.
LEAST_ALPHA = 0.5


@kind("fits", "stable-ornstein-uhlenbeck")
@dataclass(frozen=True)
class StableOrnsteinUhlenbeck(Base):
    """dx = λ (m − x) dt + dL, L symmetric α-stable: parameters rate λ, mean m, alpha and scale σ.

    A transition is x₁ = m + e^{−λh} (x₀ − m) + s Z with Z standard stable (E e^{iuZ} = e^{−|u|^α}) and
    s = σ ((1 − e^{−αλh})/(αλ))^{1/α}, exact at every h. σ is that of `noise.Stable`, at α = 2 the
    factor of a Wiener process over √2.

    Source: G. Samorodnitsky & M. Taqqu, Stable Non-Gaussian Random Processes (1994), §3.6; B. Andrews,
    M. Calder & R. Davis, Ann. Stat. 37 (2009), for maximum likelihood.

    Example:
        {kind: stable-ornstein-uhlenbeck}
    """

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """rate, mean, alpha, scale."""
        return (
            Parameter("rate", 0.0),
            Parameter("mean"),
            Parameter("alpha", 0.0, 2.0),
            Parameter("scale", 0.0),
        )

    def bounds(self, data: Transitions) -> tuple[Array, Array]:
        """α of 0.5 and more."""
        slow, fast = rate_bounds(data)
        near, far = mean_bounds(data)
        size = data.size
        return np.array([slow, near, LEAST_ALPHA, 1e-15 * size]), np.array([fast, far, 2.0, 1e15 * size])

    def starts(self, data: Transitions) -> Sequence[Array]:
        """By least squares, which finds the rate, and quantiles of what is left."""
        rate, mean, _ = autoregression(data)
        theta = np.array([rate, mean, 1.5, 1.0])
        rest = np.sort(np.abs(self.innovations(theta, data)))
        middle, high = np.quantile(rest, [0.5, 0.95])
        # Of standard laws with α = 2, 1.5 and 1: the 0.95 quantile of |Z| over its median.
        ratio = float(high / max(middle, 1e-300))
        alpha = float(np.interp(ratio, [2.9, 4.96, 12.7], [1.9, 1.5, 1.0]))
        scale = float(middle) / 0.96
        scale = max(scale, 1e-12 * data.size)
        return [np.array([rate, mean, alpha, scale])]

    def _scale(self, theta: Array, dt: Array) -> Array:
        """s after dt (…,)."""
        rate, _, alpha, scale = theta
        return np.asarray(scale * (-np.expm1(-alpha * rate * dt) / (alpha * rate)) ** (1.0 / alpha))

    def _law(self, theta: Array, data: Transitions) -> tuple[Array, Array]:
        lengths, place = data.steps
        a = np.exp(-theta[RATE] * lengths)[place]
        return theta[MEAN] + a * (data.before - theta[MEAN]), self._scale(theta, lengths)[place]

    def log_density(self, theta: Array, data: Transitions) -> Array:
        """log f_α(z) − log s."""
        mean, s = self._law(theta, data)
        return np.asarray(log_density((data.after - mean) / s, float(theta[ALPHA])) - np.log(s))

    def log_tails(self, theta: Array, data: Transitions) -> tuple[Array, Array]:
        """Of the stable law."""
        from sdesim import stable

        z, alpha = self.innovations(theta, data), float(theta[ALPHA])
        return np.asarray(stable.logcdf(z, alpha)), np.asarray(stable.logsf(z, alpha))

    def draw(self, theta: Array, before: Array, dt: Array, rng: np.random.Generator) -> Array:
        """By Chambers, Mallows and Stuck."""
        v = math.pi * (rng.random(before.shape) - 0.5)
        w = rng.standard_exponential(before.shape)
        alpha = float(theta[ALPHA])
        z = np.sin(alpha * v) / np.cos(v) ** (1.0 / alpha)
        z = z * (np.cos((1.0 - alpha) * v) / w) ** ((1.0 - alpha) / alpha)
        mean = theta[MEAN] + np.exp(-theta[RATE] * dt) * (before - theta[MEAN])
        return np.asarray(mean + self._scale(theta, dt) * z)

    def innovations(self, theta: Array, data: Transitions) -> Array:
        """z, standard stable."""
        mean, s = self._law(theta, data)
        return np.asarray((data.after - mean) / s)

    def characteristic(self, theta: Array, data: Transitions, u: Array) -> NDArray[np.complex128]:
        """e^{−|u|^α}."""
        return np.asarray(np.exp(-(np.abs(u) ** theta[ALPHA])), dtype=np.complex128)

    def carried(self, theta: Array, place: int, value: float, data: Transitions) -> Array:
        """With another rate the drift at the middle of the data stays."""
        return moved_mean(super().carried(theta, place, value, data), theta, RATE, MEAN, data)

    def flags(self, estimates: Mapping[str, Any], data: Transitions) -> Mapping[str, Sequence[str]]:
        """`near_unit_root`, `rate_not_identified`; `near_2` where α's interval reaches 2, `at_boundary` where
        α itself lies at an end."""
        alpha = estimates["alpha"]
        own = ["near_2"] if alpha.high >= 2.0 else []
        own += ["at_boundary"] if alpha.value >= 2.0 or alpha.value <= LEAST_ALPHA else []
        return {**rate_flags(estimates, data), "alpha": own}

    def equation(self, values: Mapping[str, float]) -> Any:
        """`sdes.OrnsteinUhlenbeck` without a factor."""
        from sdesim.sdes import OrnsteinUhlenbeck as Equation

        refuse_no_rate(values)
        return Equation(rate=values["rate"], factor=0.0, mean=values["mean"])

    def noises(self, values: Mapping[str, float]) -> list[Any]:
        """`noise.Stable`."""
        from sdesim.noise import Stable

        return [Stable(alpha=values["alpha"], scale=values["scale"])]
