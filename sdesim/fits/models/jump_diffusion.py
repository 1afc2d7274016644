"""Merton's jump diffusion."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, log_ndtr, logsumexp, ndtri, pdtrc, stdtrit

from sdesim.errors import EstimatorError
from sdesim.fits.base import Array, Base, Parameter
from sdesim.fits.transitions import Transitions
from sdesim.kinds import kind

DRIFT, VOLATILITY, RATE, JUMP_MEAN, JUMP_STD = range(5)
# Jumps in a step: more of them, on average, are no jumps any more.
_MOST_RATE = 20.0
_REST = 1e-17
_FEW_JUMPS = 5.0
# What jumps must add to ℓ. Without jumps their law is free, and the best of many fits chance (R. Davies,
# Biometrika 74, 1987): three parameters add so much once in a thousand series.
_LEAST_GAIN = 8.0


@kind("fits", "jump-diffusion")
@dataclass(frozen=True)
class JumpDiffusion(Base):
    """dx = μ dt + σ dW + dJ, J compound Poisson with normal jumps: drift μ, volatility σ, rate λ, jump_mean a
    and jump_std b.

    The density of a transition is Σ_k e^{−λh} (λh)^k/k! N(x₁ − x₀; μh + ka, σ²h + kb²), exact at every h,
    summed until less than 10⁻¹⁷ of the Poisson law is left. Prices are fitted by their logarithms. The
    likelihood has no bound as σ → 0 beside one value that fits exactly; the largest maximum away from there
    is taken, of those to which jumps beyond 3, 4 and 6 robust standard deviations lead.

    Source: R. Merton, J. Financial Econ. 3 (1976) 125.

    Example:
        {kind: jump-diffusion}
    """

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """drift, volatility, rate, jump_mean, jump_std."""
        return (
            Parameter("drift"), Parameter("volatility", 0.0), Parameter("rate", 0.0),
            Parameter("jump_mean"), Parameter("jump_std", 0.0),
        )  # fmt: skip

    @property
    def fewest(self) -> int:
        """30."""
        return 30

    def check(self, data: Transitions) -> None:
        """Half of all values must move."""
        moves = data.after - data.before
        if float(np.median(np.abs(moves))) == 0.0:
            raise EstimatorError("series: found half of its neighbours equal, allowed: values that differ")
        if not self._robust(data)[1] * math.sqrt(float(data.dt.mean())) > 1e-9 * float(np.abs(moves).max()):
            raise EstimatorError("series: found a steady course without noise, allowed: values with noise")

    def _robust(self, data: Transitions) -> tuple[float, float]:
        """Median and robust standard deviation of increments, per time and root of time."""
        y, h = data.after - data.before, data.dt
        drift = float(np.median(y / h))
        return drift, float(np.median(np.abs(y - drift * h) / np.sqrt(h))) / 0.67449

    def bounds(self, data: Transitions) -> tuple[Array, Array]:
        """σ and b between small and large parts of the increments."""
        _, sigma = self._robust(data)
        size = float(np.abs(data.after - data.before).max())
        fast = _MOST_RATE / float(data.dt.max())
        step = sigma * math.sqrt(float(data.steps[0][0]))
        low = [-np.inf, 0.02 * sigma, 1e-6 / data.duration, -10.0 * size, 0.02 * step]
        return np.array(low), np.array([np.inf, 50.0 * sigma, fast, 10.0 * size, 100.0 * size])

    def starts(self, data: Transitions) -> Sequence[Array]:
        """Increments beyond some robust standard deviations as the jumps."""
        drift, sigma = self._robust(data)
        y, h = data.after - data.before, data.dt
        found = []
        for cut in (3.0, 4.0, 6.0):
            big = np.abs(y - drift * h) > cut * sigma * np.sqrt(h)
            if big.sum() < 2 or (~big).sum() < 5:
                continue
            quiet = y[~big]
            rate = float(big.sum()) / data.duration
            jumps = y[big] - drift * h[big]
            spread = max(float(jumps.std()), 0.5 * sigma * math.sqrt(float(h.mean())))
            own = float(((quiet - quiet.mean()) ** 2 / h[~big]).mean()) ** 0.5
            own = max(own, 0.3 * sigma)
            found.append(
                np.array([float(quiet.sum() / h[~big].sum()), own, rate, float(jumps.mean()), spread])
            )
        # Small jumps in many steps.
        whole = float((y / np.sqrt(h)).std())
        step = math.sqrt(float(h.mean()))
        found.append(np.array([drift, 0.7 * whole, 0.3 / float(h.mean()), 0.0, whole * step]))
        return found

    def _terms(self, theta: Array, data: Transitions) -> tuple[Array, Array, Array, Array]:
        """k (K, 1), and of each step's length (q,): log weights, means and variances (K, q)."""
        lengths, _ = data.steps
        drift, sigma, rate, mean, std = theta
        largest = rate * float(lengths[-1])
        most = 2
        while pdtrc(most, largest) > _REST:
            most += 1 + most // 4
        k = np.arange(most + 1.0)[:, None]
        weight = -rate * lengths + k * np.log(rate * lengths) - gammaln(k + 1.0)
        return k, weight, drift * lengths + k * mean, sigma**2 * lengths + k * std**2

    def log_density(self, theta: Array, data: Transitions) -> Array:
        """Of the series."""
        _, place = data.steps
        _, weight, mean, variance = self._terms(theta, data)
        y = data.after - data.before
        exponent = (weight - 0.5 * np.log(2.0 * np.pi * variance))[:, place]
        exponent = exponent - 0.5 * (y - mean[:, place]) ** 2 / variance[:, place]
        top = exponent.max(axis=0)
        return np.asarray(top + np.log(np.exp(exponent - top).sum(axis=0)))

    def log_tails(self, theta: Array, data: Transitions) -> tuple[Array, Array]:
        """Of the series."""
        _, place = data.steps
        _, weight, mean, variance = self._terms(theta, data)
        z = (data.after - data.before - mean[:, place]) / np.sqrt(variance[:, place])
        below = logsumexp(weight[:, place] + log_ndtr(z), axis=0)
        above = logsumexp(weight[:, place] + log_ndtr(-z), axis=0)
        return np.minimum(below, 0.0), np.minimum(above, 0.0)

    def draw(self, theta: Array, before: Array, dt: Array, rng: np.random.Generator) -> Array:
        """A Poisson number of jumps, and a normal."""
        drift, sigma, rate, mean, std = theta
        k = rng.poisson(rate * dt, before.shape)
        s = np.sqrt(sigma**2 * dt + k * std**2)
        return np.asarray(before + drift * dt + k * mean + s * rng.standard_normal(before.shape))

    def innovations(self, theta: Array, data: Transitions) -> Array:
        """(x₁ − x₀ − μh)/(σ√h): standard normal without a jump."""
        y = data.after - data.before - theta[DRIFT] * data.dt
        return np.asarray(y / (theta[VOLATILITY] * np.sqrt(data.dt)))

    def characteristic(self, theta: Array, data: Transitions, u: Array) -> NDArray[np.complex128]:
        """exp(−u²/2 + λh (e^{iav − b²v²/2} − 1)), v = u/(σ√h)."""
        lengths, place = data.steps
        share = np.bincount(place) / data.n
        v = u[:, None] / (theta[VOLATILITY] * np.sqrt(lengths))
        jump = np.exp(1j * theta[JUMP_MEAN] * v - 0.5 * (theta[JUMP_STD] * v) ** 2) - 1.0
        found = np.exp(-0.5 * u[:, None] ** 2 + theta[RATE] * lengths * jump) @ share
        return np.asarray(found, dtype=np.complex128)

    def cutoff(self, name: str, theta: Array, data: Transitions, side: int, level: float) -> float | None:
        """Of the jumps' mean and spread: that of Student's t for as many values as there are jumps."""
        if name not in ("jump_mean", "jump_std"):
            return None
        jumps = max(theta[RATE] * data.duration, 2.0)
        t = float(stdtrit(jumps - 1.0, 0.5 + 0.5 * level))
        return max(math.sqrt(jumps * math.log1p(t * t / (jumps - 1.0))), float(ndtri(0.5 + 0.5 * level)))

    def ends(
        self, name: str, low: float, high: float, total: float, data: Transitions
    ) -> tuple[float, float]:
        """Where jumps describe the data hardly better than none: a rate from 0 on, and any law of jumps."""
        y, h = data.after - data.before, data.dt
        drift = float(y.sum() / h.sum())
        variance = float(((y - drift * h) ** 2 / h).mean())
        without = -0.5 * float((np.log(2.0 * np.pi * variance * h) + 1.0).sum())
        if total - without > _LEAST_GAIN or name in ("drift", "volatility"):
            return low, high
        return (0.0, high) if name == "rate" else (-math.inf if name == "jump_mean" else 0.0, math.inf)

    def flags(self, estimates: Mapping[str, Any], data: Transitions) -> Mapping[str, Sequence[str]]:
        """`too_few_jumps` (below 5 expected in the data), `jumps_not_identified`: the interval of the rate
        reaches 0, or the jumps are as common as steps."""
        rate = estimates["rate"]
        raised = ["too_few_jumps"] if rate.value * data.duration < _FEW_JUMPS else []
        often = rate.high * float(data.dt.mean()) > 1.0
        raised += ["jumps_not_identified"] if rate.low <= 0.0 or often else []
        return dict.fromkeys(("rate", "jump_mean", "jump_std"), raised)

    def equation(self, values: Mapping[str, float]) -> Any:
        """A flat surface driven by a constant force, the drift."""
        from sdesim.surfaces import Driven, Flat

        return Driven(Flat(dim=1), force=values["drift"])

    def noises(self, values: Mapping[str, float]) -> list[Any]:
        """`noise.Gaussian`, and `noise.CompoundPoisson` of normal jumps."""
        from sdesim.noise import CompoundPoisson, Gaussian
        from sdesim.noise.jumps import Normal

        jumps = Normal(mean=values["jump_mean"], std=values["jump_std"])
        quiet = Gaussian(diffusion=0.5 * values["volatility"] ** 2)
        return [quiet, CompoundPoisson(rate=values["rate"], jumps=jumps)]
