"""The simulated side of the `GradientOracle` protocol: a surface and noises read at a learning rate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.estimators.core.covariance import DiagonalCovariance, GradientMoments, SumCovariance
from sdesim.noise import Noise
from sdesim.surfaces.base import Surface

Array = NDArray[np.float64]


class SimulatedOracle:
    """g = ∇L(θ) + noise at learning rate η: what an SGD step of length η would have used.

    The step of the simulation plays no part, so halving dt leaves every measurement as it is.

    Args:
        surface: the loss surface.
        noises: driving noises; their stochastic-gradient noises are independent and add up.
        learning_rate: η.
        batch_size: for noise that is drawn from examples, instead of its own.
    """

    def __init__(
        self,
        surface: Surface,
        noises: Sequence[Noise],
        learning_rate: float,
        batch_size: int | None = None,
    ) -> None:
        self.surface = surface
        self.learning_rate = float(learning_rate)
        self.noises = tuple(_at_batch_size(noise, batch_size) for noise in noises)

    def loss(self, theta: Array) -> float:
        """L at theta (d,)."""
        return float(self.surface.loss(theta))

    def gradients(self, theta: Array, n: int, rng: np.random.Generator) -> Array:
        """n independent stochastic gradients at theta (d,): (n, d)."""
        draws = np.repeat(self.surface.grad(theta)[None], n, axis=0)
        for noise in self.noises:
            draws += noise.gradient_noise(theta, self.learning_rate, n, rng)
        return draws

    def hvp(self, theta: Array, v: Array) -> Array:
        """∇²L(theta) v, along v (d,) or each row of v (m, d)."""
        return np.asarray(self.surface.hvp(theta, v))

    @property
    def hvps(self) -> Callable[[Array, Array], Array]:
        """Products along many vectors at once."""
        return self.hvp

    @property
    def covariance_size(self) -> int:
        """Numbers that Σ is made of: N·d of noise that is drawn from examples, else 0."""
        return max((int(getattr(n, "examples", 0)) * self.surface.dim for n in self.noises), default=0)

    def moments(self, theta: Array, covariance: bool = True) -> GradientMoments | None:
        """μ, which is the drift itself and what noises with a mean add to it, and Σ; each where it is known.

        Args:
            covariance: whether Σ is wanted.
        """
        found = []
        for noise in self.noises:
            of_noise = getattr(noise, "noise_moments", None)
            own = None if of_noise is None else of_noise(theta, self.learning_rate)
            if own is None:
                return None
            found.append(own)
        mean = np.array(self.surface.grad(theta))
        for own in found:
            mean += own.mean
        if not found:
            return GradientMoments(mean, DiagonalCovariance(np.zeros(len(mean))))
        parts = [own.covariance for own in found if own.covariance is not None]
        if not covariance or len(parts) < len(found):
            return GradientMoments(mean, None)
        return GradientMoments(mean, parts[0] if len(parts) == 1 else SumCovariance(parts))

    def weighted_gradients(
        self, theta: Array, n: int, rng: np.random.Generator
    ) -> tuple[Array, Array] | None:
        """Gradients (n, d) and weights (n,): w L(θ − ηg) has the mean of L over steps and a finite variance.

        None where the loss is not known to grow slower than the noise's jumps allow, or there is no way.
        """
        growth = getattr(self.surface, "growth", None)
        if growth is None:
            return None
        draws, weights = np.repeat(self.surface.grad(theta)[None], n, axis=0), np.ones(n)
        for noise in self.noises:
            way = getattr(noise, "weighted_noise", None)
            found = None if way is None else way(theta, self.learning_rate, n, growth, rng)
            if found is None:
                return None
            draws, weights = draws + found[0], weights * found[1]
        return draws, weights


def _at_batch_size(noise: Any, batch_size: int | None) -> Any:
    """The noise at another batch size, where it has one."""
    return noise.with_batch_size(batch_size) if batch_size and hasattr(noise, "with_batch_size") else noise
