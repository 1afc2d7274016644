"""The square-root process of Cox, Ingersoll and Ross."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt

from sdesim.kinds import kind
from sdesim.kinds.numbers import Array
from sdesim.sdes.base import Base
from sdesim.sdes.moments import Moments, known_time
from sdesim.sdes.structure import Structure
from sdesim.surfaces.base import SurfaceKernel


@kind("sdes", "cox-ingersoll-ross")
@dataclass(frozen=True)
class CoxIngersollRoss(Base):
    """dx = κ (m − x) dt + σ √x dW, from m where nothing else is said.

    Steps may end below 0, where the equation itself never goes: the coefficients then read 0 ("full
    truncation"), which keeps weak order 1. Where 2κm < σ² the process touches 0 and steps do so often: take a
    small dt.

    Args:
        rate: κ > 0.
        mean: m ≥ 0.
        volatility: σ ≥ 0.

    Source: J. Cox, J. Ingersoll & S. Ross, Econometrica 53 (1985), eqs. (17) and (19); R. Lord, R. Koekkoek &
    D. van Dijk, Quant. Finance 10 (2010), for the truncation.

    Example:
        {kind: cox-ingersoll-ross, rate: 1.0, mean: 1.0, volatility: 0.3}
    """

    rate: Annotated[float, Gt(0)]
    mean: Annotated[float, Ge(0)]
    volatility: Annotated[float, Ge(0)]

    @property
    def dim(self) -> int:
        """1."""
        return 1

    @property
    def factors(self) -> int:
        """1."""
        return 1

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
        """m."""
        return np.array([self.mean])

    def kernel(self) -> SurfaceKernel:
        """In the module of the square roots."""
        return SurfaceKernel(
            "sdesim.sdes.kernels.square_root",
            "grad_cir",
            None,
            np.array([self.rate, self.mean, self.volatility]),
            hvp="hvp_cir",
            factor="factor_cir",
            factors=1,
        )

    def moments(self, t: float, start: Any = None) -> Moments:
        """Mean m + (x₀ − m) e^{−κt}, variance x₀ σ²/κ (e^{−κt} − e^{−2κt}) + m σ²/(2κ) (1 − e^{−κt})²."""
        time, x0 = known_time(t), float(self._from(start)[0])
        decay = 0.0 if math.isinf(time) else math.exp(-self.rate * time)
        size = self.volatility**2 / self.rate
        variance = x0 * size * decay * (1.0 - decay) + 0.5 * self.mean * size * (1.0 - decay) ** 2
        return Moments(np.array([self.mean + (x0 - self.mean) * decay]), np.array([[variance]]))
