"""Geometric Brownian motion."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from sdesim.errors import SdesimError
from sdesim.kinds import Misfit, Numbers, kind
from sdesim.kinds.numbers import Array
from sdesim.sdes.base import Base
from sdesim.sdes.moments import Moments, known_time
from sdesim.sdes.structure import Structure
from sdesim.surfaces.base import SurfaceKernel


@kind("sdes", "geometric-brownian")
@dataclass(frozen=True)
class GeometricBrownian(Base):
    """dx_k = μ_k x_k dt + σ_k x_k dW_k (Itô), from 1 where nothing else is said.

    Args:
        drift: μ, a number or (d,).
        volatility: σ, a number or (d,), of at least 0.

    Raises:
        Misfit: sizes that don't fit one another, or a volatility below 0.

    Source: F. Black & M. Scholes, J. Polit. Econ. 81 (1973).

    Example:
        {kind: geometric-brownian, drift: 0.1, volatility: 0.2}
    """

    drift: Annotated[Any, Numbers(0, 1)]
    volatility: Annotated[Any, Numbers(0, 1)]

    def __post_init__(self) -> None:
        sizes = [np.shape(v)[0] for v in (self.drift, self.volatility) if np.ndim(v)]
        if len(set(sizes)) > 1:
            raise Misfit("volatility", f"found {sizes[1]} numbers, allowed: {sizes[0]}, as of drift")
        if np.min(self.volatility) < 0:
            raise Misfit("volatility", f"found {np.min(self.volatility):g}, allowed: at least 0")

    @property
    def dim(self) -> int:
        """d."""
        return int(max((np.shape(v) or (1,))[0] for v in (self.drift, self.volatility)))

    @property
    def factors(self) -> int:
        """One Wiener process for each coordinate."""
        return self.dim

    @property
    def structure(self) -> Structure:
        """Diagonal."""
        return "diagonal"

    @property
    def growth(self) -> float:
        """2: the drift is linear."""
        return 2.0

    @property
    def start(self) -> Array:
        """1."""
        return np.ones(self.dim)

    def kernel(self) -> SurfaceKernel:
        """Row by row."""
        row = (1, self.dim)
        return SurfaceKernel(
            "sdesim.sdes.kernels.linear",
            "grad_geometric",
            None,
            np.zeros(0),
            np.array(np.broadcast_to(self.drift, row), dtype=np.float64),
            np.array(np.broadcast_to(self.volatility, row), dtype=np.float64),
            hvp="hvp_geometric",
            factor="factor_geometric",
            factors=self.dim,
        )

    def moments(self, t: float, start: Any = None) -> Moments:
        """Mean x₀ e^{μt} and variance x₀² e^{2μt} (e^{σ²t} − 1); coordinates are independent.

        Raises:
            SdesimError: t = ∞: there is no stationary law with moments.
        """
        time, x0 = known_time(t), self._from(start)
        if math.isinf(time):
            raise SdesimError("there is no stationary law: t must be finite")
        mu, sigma = np.broadcast_to(self.drift, x0.shape), np.broadcast_to(self.volatility, x0.shape)
        mean = x0 * np.exp(mu * time)
        return Moments(mean, np.diag(mean**2 * np.expm1(sigma**2 * time)))
