"""The square-root process of Cox, Ingersoll and Ross."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ive

from sdesim.errors import EstimatorError
from sdesim.fits.base import Array, Base, Parameter
from sdesim.fits.returning import (
    rate_bounds,
    rate_flags,
    refuse_no_rate,
    refuse_noiseless,
    returning_cutoff,
)
from sdesim.fits.transitions import Transitions
from sdesim.kinds import kind

RATE, MEAN, VOLATILITY = range(3)
# Orders from which the uniform expansion of I_q is exact to 1e-12.
_UNIFORM = 40.0


@kind("fits", "cox-ingersoll-ross")
@dataclass(frozen=True)
class CoxIngersollRoss(Base):
    """dx = κ (m − x) dt + σ √x dW: parameters rate κ, mean m and volatility σ.

    2c x₁ is noncentral χ² with 4κm/σ² degrees of freedom and noncentrality 2c x₀ e^{−κh},
    c = 2κ/(σ² (1 − e^{−κh})), exact at every h.

    Source: J. Cox, J. Ingersoll & S. Ross, Econometrica 53 (1985), eq. (18).

    Example:
        {kind: cox-ingersoll-ross}
    """

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """rate, mean, volatility."""
        return Parameter("rate", 0.0), Parameter("mean", 0.0), Parameter("volatility", 0.0)

    def check(self, data: Transitions) -> None:
        """Values must lie above 0."""
        least = min(float(x.min()) for x in data.values)
        if not least > 0:
            raise EstimatorError(f"series: found {least:g}, allowed: numbers above 0 for cox-ingersoll-ross")

    def bounds(self, data: Transitions) -> tuple[Array, Array]:
        """Rates between those of a walk and of independent values."""
        slow, fast = rate_bounds(data)
        sigma = float(self.starts(data)[0][VOLATILITY])
        far = 1e4 * float(data.before.mean())
        low = np.array([slow, 1e-10 * far, 1e-6 * sigma])
        return low, np.array([fast, far, 1e6 * sigma])

    def starts(self, data: Transitions) -> Sequence[Array]:
        """By weighted regression of the increments over √x₀."""
        h, x, y = data.dt, data.before, data.after
        w = 1.0 / (x * h)
        columns = np.stack([h, -x * h], axis=1)
        normal = (columns * w[:, None]).T @ columns
        ab = np.linalg.lstsq(normal, (columns * w[:, None]).T @ (y - x), rcond=None)[0]
        slow, fast = rate_bounds(data)
        typical = float(data.before.mean())
        rate = float(min(max(ab[1], 1.0 / data.duration, slow), 0.5 / float(data.steps[0][0]), 0.9 * fast))
        mean = float(ab[0]) / rate if ab[0] > 0 else typical
        mean = min(max(mean, 1e-3 * typical), 1e3 * typical)
        left = y - x - rate * (mean - x) * h
        refuse_noiseless(float((y - x - columns @ ab).std()), data)
        rest = left / np.sqrt(x * h)
        return [np.array([rate, mean, max(float(np.sqrt((rest**2).mean())), 1e-12)])]

    def _form(self, theta: Array, data: Transitions) -> tuple[float, Array, Array]:
        """Degrees of freedom, c (n,) and noncentrality (n,)."""
        rate, mean, sigma = theta
        lengths, place = data.steps
        c = (2.0 * rate / (sigma**2 * -np.expm1(-rate * lengths)))[place]
        return 4.0 * rate * mean / sigma**2, c, 2.0 * c * data.before * np.exp(-rate * lengths)[place]

    def log_density(self, theta: Array, data: Transitions) -> Array:
        """log c − (√v − √u)² + (q/2) log(v/u) + log(I_q(2√uv) e^{−2√uv}), u = λ/2, v = c x₁, q = ν/2 − 1."""
        free, c, noncentrality = self._form(theta, data)
        u, v, q = 0.5 * noncentrality, c * data.after, 0.5 * free - 1.0
        apart = (np.sqrt(v) - np.sqrt(u)) ** 2
        return np.asarray(np.log(c) - apart + 0.5 * q * np.log(v / u) + log_bessel(q, 2.0 * np.sqrt(u * v)))

    def log_tails(self, theta: Array, data: Transitions) -> tuple[Array, Array]:
        """Of the noncentral χ²."""
        from scipy.stats import ncx2

        free, c, noncentrality = self._form(theta, data)
        x = 2.0 * c * data.after
        below, above = ncx2.cdf(x, free, noncentrality), ncx2.sf(x, free, noncentrality)
        tiny = 1e-300
        return np.log(np.clip(below, tiny, 1.0)), np.log(np.clip(above, tiny, 1.0))

    def draw(self, theta: Array, before: Array, dt: Array, rng: np.random.Generator) -> Array:
        """One noncentral χ² each."""
        rate, mean, sigma = theta
        c = 2.0 * rate / (sigma**2 * -np.expm1(-rate * dt))
        found = rng.noncentral_chisquare(4.0 * rate * mean / sigma**2, 2.0 * c * before * np.exp(-rate * dt))
        # Where 0 is reached a draw may underflow.
        return np.asarray(np.maximum(found / (2.0 * c), 1e-300))

    def innovations(self, theta: Array, data: Transitions) -> Array:
        """(x₁ − E x₁)/√Var x₁."""
        free, c, noncentrality = self._form(theta, data)
        x = 2.0 * c * data.after
        return np.asarray((x - free - noncentrality) / np.sqrt(2.0 * (free + 2.0 * noncentrality)))

    def characteristic(self, theta: Array, data: Transitions, u: Array) -> NDArray[np.complex128]:
        """That of the noncentral χ², (1 − 2iv)^{−ν/2} e^{iλv/(1 − 2iv)}, standardised."""
        free, _, noncentrality = self._form(theta, data)
        spread = np.sqrt(2.0 * (free + 2.0 * noncentrality))
        v = u[:, None] / spread
        turned = 1.0 - 2.0j * v
        log = -0.5 * free * np.log(turned) + 1j * noncentrality * v / turned - 1j * v * (free + noncentrality)
        return np.asarray(np.exp(log).mean(axis=1))

    def carried(self, theta: Array, place: int, value: float, data: Transitions) -> Array:
        """With another rate the drift at the middle of the data stays."""
        moved = super().carried(theta, place, value, data)
        if place == RATE:
            middle = data.centre
            mean = middle + theta[RATE] * (theta[MEAN] - middle) / value
            moved[MEAN] = min(max(mean, 1e-3 * middle), 1e4 * middle)
        return moved

    def cutoff(self, name: str, theta: Array, data: Transitions, side: int, level: float) -> float | None:
        """Of rate and mean: those of an Ornstein–Uhlenbeck process with the noise at the mean."""
        factor = theta[VOLATILITY] * math.sqrt(theta[MEAN])
        return returning_cutoff(name, theta[RATE], theta[MEAN], factor, data, side, level)

    def flags(self, estimates: Mapping[str, Any], data: Transitions) -> Mapping[str, Sequence[str]]:
        """`near_unit_root`, `rate_not_identified`; `feller_violated` where 2κm < σ²: 0 is reached."""
        rate, mean, sigma = (float(e) for e in estimates.values())
        shared = ["feller_violated"] if 2.0 * rate * mean < sigma**2 else []
        return {**rate_flags(estimates, data), "": shared}

    def equation(self, values: Mapping[str, float]) -> Any:
        """`sdes.CoxIngersollRoss`."""
        from sdesim.sdes import CoxIngersollRoss as Equation

        refuse_no_rate(values)
        return Equation(rate=values["rate"], mean=values["mean"], volatility=values["volatility"])


def log_bessel(q: float, z: Array) -> Array:
    """log(I_q(z) e^{−z}), by the uniform expansion for large orders (DLMF 10.41.3)."""
    if q < _UNIFORM:
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(ive(q, z)))
    x = z / q
    root = np.sqrt(1.0 + x * x)
    p = 1.0 / root
    eta = root + np.log(x / (1.0 + root))
    p2 = p * p
    terms = (
        1.0 + p * (3.0 - 5.0 * p2) / (24.0 * q)
        + p2 * (81.0 - 462.0 * p2 + 385.0 * p2**2) / (1152.0 * q**2)
        + p * p2 * (30375.0 - 369603.0 * p2 + 765765.0 * p2**2 - 425425.0 * p2**3) / (414720.0 * q**3)
    )  # fmt: skip
    return np.asarray(q * eta - z - 0.5 * np.log(2.0 * np.pi * q * root) + np.log(terms))
