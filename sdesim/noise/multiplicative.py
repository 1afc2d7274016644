"""Multiplicative Gaussian noise σ_i θ_i dW_i: its size follows the weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from sdesim.estimators.core.covariance import DiagonalCovariance, GradientMoments
from sdesim.kinds import Misfit, Numbers, kind
from sdesim.noise.base import Array, Base, NoiseKernel, Sort, check_size
from sdesim.noise.gaussian import KERNELS, SINGLE_DIAGONAL


@kind("noises", "multiplicative")
@dataclass(frozen=True)
class Multiplicative(Base):
    """σ_i θ_i dW_i in the Itô sense; on a flat surface θ is a geometric Brownian motion without drift.

    Args:
        scale: σ, a number or (d,), per √time; not negative.

    Raises:
        Misfit: if the scale is negative, empty or not a number or (d,).

    Example:
        {kind: multiplicative, scale: 0.1}
    """

    scale: Annotated[Any, Numbers(0, 1)]

    def __post_init__(self) -> None:
        if np.any(self._sigma < 0):
            raise Misfit("scale", f"found {self._sigma.min():g}, allowed: numbers of at least 0")

    @property
    def _sigma(self) -> Array:
        return np.asarray(self.scale, dtype=np.float64)

    @property
    def sort(self) -> Sort:
        """Multiplicative."""
        return "multiplicative"

    @property
    def label(self) -> str:
        """With σ where it is one number."""
        return f"multiplicative σ={self.scale:g}" if isinstance(self.scale, float) else "multiplicative"

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
            KERNELS,
            "gaussian_diagonal",
            sigma * math.sqrt(dt),
            enters="multiplicative",
            gaussian=True,
            rate=sigma**2,
            single=SINGLE_DIAGONAL,
            size=sigma * math.sqrt(dt),
        )

    def gradient_noise(self, theta: Array, eta: float, n: int, rng: np.random.Generator) -> Array:
        """(n, d) draws of −σ θ ξ/√η: minus an increment over η, divided by η."""
        theta = np.asarray(theta, dtype=np.float64)
        self.validate(theta.shape[-1])
        return np.asarray(-self._sigma * theta * rng.standard_normal((n, theta.shape[-1])) / math.sqrt(eta))

    def noise_moments(self, theta: Array, eta: float) -> GradientMoments | None:
        """Mean 0 and Σ = diag σ²θ²/η."""
        point = np.asarray(theta, dtype=np.float64)
        self.validate(point.shape[-1])
        scale = self._sigma * np.abs(point) / math.sqrt(eta)
        return GradientMoments(np.zeros(point.shape[-1]), DiagonalCovariance(scale))
