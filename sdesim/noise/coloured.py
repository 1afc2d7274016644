"""Coloured noise: the force of an Ornstein–Uhlenbeck process, with a memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Gt

from sdesim.estimators.core.covariance import DiagonalCovariance, FactorCovariance, GradientMoments
from sdesim.kinds import Numbers, kind
from sdesim.noise.base import Array, Base, Context, NoiseKernel, Sort, check_size
from sdesim.noise.kernel import Drawn
from sdesim.noise.path import Path, path_kernel, spread


@kind("noises", "coloured")
@dataclass(frozen=True)
class Coloured(Base):
    """A force ζ dt with τ dζ = −ζ dt + F dW, which becomes F dW as τ → 0.

    ζ has the covariance F Fᵀ e^{−|t|/τ}/(2τ) and starts from its stationary law. Its value and its integral
    over a step are drawn jointly from their exact law, at any dt.

    Args:
        correlation_time: τ, above 0.
        factor: F, a number, (d,) or (d, k).

    Source: P. Hänggi & P. Jung, Adv. Chem. Phys. 89 (1995); D. Gillespie, Phys. Rev. E 54 (1996) 2084 for
    the exact update.

    Example:
        {kind: coloured, correlation_time: 0.1, factor: 0.5}
    """

    correlation_time: Annotated[float, Gt(0)]
    factor: Annotated[Any, Numbers(0, 1, 2)]

    @property
    def sort(self) -> Sort:
        """Levy: additive, and not white."""
        return "levy"

    @property
    def label(self) -> str:
        """With τ."""
        return f"coloured τ={self.correlation_time:g}"

    def validate(self, dim: int) -> None:
        """Check that F is for dim coordinates.

        Raises:
            SdesimError: if its shape does not fit.
        """
        check_size(len(self.factor) if isinstance(self.factor, np.ndarray) else None, dim, "factor")

    def state_numbers(self, context: Context, examples: int = 0) -> float:
        """ζ of each source."""
        return float(np.shape(self.factor)[-1] if np.ndim(self.factor) == 2 else context.dim)

    def kernel(self, dim: int, dt: float, learning_rate: float) -> NoiseKernel:
        """Increments ∫ζ ds; the learning rate plays no part."""
        self.validate(dim)
        factor = np.asarray(self.factor, dtype=np.float64)
        if factor.ndim < 2:
            factor = np.broadcast_to(factor, (dim,))
        path = ColouredPath(self.correlation_time, dt, np.array(factor))
        return path_kernel(path, self.noise_moments(np.zeros(dim), dt), dt)

    def noise_moments(self, theta: Array, eta: float) -> GradientMoments | None:
        """Mean 0 and Σ = F Fᵀ (η − τ(1 − e^{−η/τ}))/η²."""
        dim = np.asarray(theta).shape[-1]
        self.validate(dim)
        factor, tau = np.asarray(self.factor, dtype=np.float64), self.correlation_time
        size = math.sqrt(tau * spread(eta / tau)) / eta
        if factor.ndim == 2:
            return GradientMoments(np.zeros(dim), FactorCovariance(size * factor))
        return GradientMoments(np.zeros(dim), DiagonalCovariance(np.broadcast_to(size * abs(factor), (dim,))))


@dataclass(frozen=True, eq=False)
class ColouredPath(Path):
    """Steps of the Ornstein–Uhlenbeck process; the state is ζ of unit strength."""

    tau: float
    dt: float
    factor: Array

    @property
    def identity(self) -> tuple[Array, ...]:
        """τ, dt and F."""
        return np.array([self.tau, self.dt]), self.factor

    @property
    def _sources(self) -> int:
        return int(self.factor.shape[-1])

    def law(self) -> Array:
        """[a, s, g, c, e] of `coloured_steps`."""
        return exact_law(self.tau, self.dt)

    def start(self, drawn: Drawn) -> Array:
        """ζ from its stationary law (k, K)."""
        from sdesim.noise.path_kernels import start_normal

        state = np.empty((self._sources, drawn.count))
        scale = np.full(self._sources, math.sqrt(0.5 / self.tau))
        start_normal(np.uint64(drawn.seed), drawn.stream, drawn.first, 2, scale, state)
        return state

    def fill(self, drawn: Drawn, begin: int, end: int, state: Array, out: Array) -> None:
        """F ∫ζ ds of each step."""
        from sdesim.noise.path_kernels import coloured_steps, mix

        seed, law = np.uint64(drawn.seed), self.law()
        if self.factor.ndim == 1:
            coloured_steps(seed, drawn.stream, drawn.first, begin, end, law, self.factor, state, out)
            return
        sources, ones = np.zeros((len(out), self._sources, drawn.count)), np.ones(self._sources)
        coloured_steps(seed, drawn.stream, drawn.first, begin, end, law, ones, state, sources)
        mix(sources, self.factor, out)


def exact_law(tau: float, dt: float) -> Array:
    """[a, s, g, c, e] with ζ(dt) = a ζ + s z₁ and ∫ζ = g ζ + c z₁ + e z₂ for τ dζ = −ζ dt + dW.

    With h = dt/τ: a = e^{−h}, s² = (1 − e^{−2h})/(2τ), g = τ(1 − a), c s = (1 − a)²/2, and
    c² + e² = τ(h − 2(1 − a) + (1 − a²)/2) = τ(2(h − 1 + a) − (2h − 1 + a²)/2).
    """
    h = dt / tau
    left = -math.expm1(-h)
    root = math.sqrt(-math.expm1(-2.0 * h) / (2.0 * tau))
    along = 0.5 * left * left / root
    variance = tau * integral_variance(h)
    return np.array([math.exp(-h), root, tau * left, along, math.sqrt(max(variance - along * along, 0.0))])


def integral_variance(h: float) -> float:
    """h − 2(1 − e^{−h}) + (1 − e^{−2h})/2, about h³/3 near 0."""
    if h > 0.5:
        return h + 2.0 * math.expm1(-h) - 0.5 * math.expm1(-2.0 * h)
    total, term = 0.0, h
    for k in range(2, 30):
        term *= -h / k
        total += term * (2.0 ** (k - 1) - 2.0)
    return total
