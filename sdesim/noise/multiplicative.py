"""Multiplicative Gaussian noise σ_i θ_i dW_i: its size follows the weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np

from sdesim.errors import SdesimError
from sdesim.estimators.core.covariance import DiagonalCovariance, GradientMoments
from sdesim.kinds import Misfit, kind
from sdesim.noise.base import Array, Base, Noise, NoiseKernel, Sort, check_size
from sdesim.noise.bridge import GaussianSplit
from sdesim.noise.gaussian import KERNELS, SINGLE_DIAGONAL
from sdesim.noise.modulated import modulated
from sdesim.schedules import Coefficient, at, moves


@kind("noises", "multiplicative")
@dataclass(frozen=True)
class Multiplicative(Base):
    """σ_i θ_i dW_i in the Itô sense; on a flat surface θ is a geometric Brownian motion without drift.

    Args:
        scale: σ, a number or (d,), per √time; not negative; or a schedule.

    Raises:
        Misfit: if the scale is negative, empty or not a number or (d,).

    Example:
        {kind: multiplicative, scale: 0.1}
    """

    scale: Annotated[Any, Coefficient(0, 1)]

    def __post_init__(self) -> None:
        if not moves(self.scale) and np.any(self._sigma < 0):
            raise Misfit("scale", f"found {self._sigma.min():g}, allowed: numbers of at least 0")

    @property
    def _sigma(self) -> Array:
        if moves(self.scale):
            raise SdesimError("the scale changes in time: at(time) gives the noise of one moment")
        return np.asarray(self.scale, dtype=np.float64)

    def at(self, time: float) -> Noise:
        """With σ as it is at a time."""
        return replace(self, scale=at(self.scale, time)) if moves(self.scale) else self

    def problems_until(self, time: float) -> Iterator[tuple[str, str]]:
        """A schedule that is negative somewhere, or not finite."""
        found = self.scale.problem(time, 0.0) if moves(self.scale) else None
        if found is not None:
            yield "scale", found

    @property
    def steady(self) -> bool:
        """Whether σ is the same at all times."""
        return not moves(self.scale)

    @property
    def sort(self) -> Sort:
        """Multiplicative."""
        return "multiplicative"

    @property
    def label(self) -> str:
        """With σ where it is one number or a schedule."""
        if moves(self.scale):
            return f"multiplicative σ={self.scale.label}"
        return f"multiplicative σ={self.scale:g}" if isinstance(self.scale, float) else "multiplicative"

    def validate(self, dim: int) -> None:
        """Check that the scale is for dim coordinates.

        Raises:
            SdesimError: if its shape does not fit.
        """
        check_size(len(self.scale) if isinstance(self.scale, np.ndarray) else None, dim, "scale")

    def kernel(self, dim: int, dt: float, learning_rate: float) -> NoiseKernel:
        """Increments dM_i = σ_i √dt z_i, to be multiplied by θ_i; the learning rate plays no part."""
        self.validate(dim)
        sigma = np.broadcast_to(1.0 if moves(self.scale) else self._sigma, (dim,))
        kernel = NoiseKernel(
            KERNELS,
            "gaussian_diagonal",
            sigma * math.sqrt(dt),
            enters="multiplicative",
            gaussian=True,
            rate=sigma**2,
            single=SINGLE_DIAGONAL,
            size=sigma * math.sqrt(dt),
            divisible=True,
            split=GaussianSplit(sigma * math.sqrt(dt)),
        )
        return modulated(kernel, self.scale, dt, 2.0, 0.5) if moves(self.scale) else kernel

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
