"""The simulated side of the `GradientOracle` protocol: a surface and noises read at a learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
        """∇²L(theta) v, (d,)."""
        return np.asarray(self.surface.hvp(theta, v))


def _at_batch_size(noise: Any, batch_size: int | None) -> Any:
    """The noise at another batch size, where it has one."""
    return noise.with_batch_size(batch_size) if batch_size and hasattr(noise, "with_batch_size") else noise
