"""Multiplicative Gaussian noise σ_i θ_i dW_i: its size follows the weights."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from sdesim.errors import SdesimError
from sdesim.kinds.numbers import as_finite
from sdesim.noise.base import Array, NoiseKernel, check_size


@dataclass(frozen=True, eq=False)
class Multiplicative:
    """σ_i θ_i dW_i in the Itô sense; on a flat surface θ is a geometric Brownian motion without drift.

    Args:
        scale: σ, a number or (d,), per √time; not negative.

    Raises:
        SdesimError: if the scale is negative, empty or not a number or (d,).
    """

    scale: ArrayLike
    _sigma: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        sigma = as_finite(self.scale, "scale")
        if sigma.ndim > 1 or sigma.size == 0 or np.any(sigma < 0):
            raise SdesimError(f"scale must be a number or (d,), and not negative, got {self.scale!r}")
        object.__setattr__(self, "_sigma", sigma)

    @property
    def sort(self) -> str:
        """Noise that grows with θ."""
        return "multiplicative"

    def validate(self, dim: int) -> None:
        """Check that the scale is for dim coordinates.

        Raises:
            SdesimError: if its shape does not fit.
        """
        check_size(None if self._sigma.ndim == 0 else self._sigma.shape[0], dim, "scale")

    def kernel(self, dim: int, dt: float, learning_rate: float) -> NoiseKernel:
        """Increments dM_i = σ_i √dt z_i, to be multiplied by θ_i; the learning rate plays no part."""
        self.validate(dim)
        sigma = np.broadcast_to(self._sigma, (dim,))
        return NoiseKernel(
            "sdesim.noise.fill_kernels",
            "gaussian_diagonal",
            sigma * math.sqrt(dt),
            enters="multiplicative",
            gaussian=True,
            rate=sigma**2,
        )

    def gradient_noise(self, theta: Array, eta: float, n: int, rng: np.random.Generator) -> Array:
        """(n, d) draws of −σ θ ξ/√η: minus an increment over η, divided by η."""
        theta = np.asarray(theta, dtype=np.float64)
        self.validate(theta.shape[-1])
        return np.asarray(-self._sigma * theta * rng.standard_normal((n, theta.shape[-1])) / math.sqrt(eta))
