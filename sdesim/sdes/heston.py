"""Heston's model: a price whose variance is a square-root process."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Le

from sdesim.errors import SdesimError
from sdesim.kinds import kind
from sdesim.kinds.numbers import Array
from sdesim.sdes.base import Base
from sdesim.sdes.cox_ingersoll_ross import CoxIngersollRoss
from sdesim.sdes.moments import Moments, known_time
from sdesim.sdes.structure import Structure
from sdesim.surfaces.base import SurfaceKernel


@kind("sdes", "heston")
@dataclass(frozen=True)
class Heston(Base):
    """dS = μ S dt + √v S dW, dv = κ (m − v) dt + σ √v dW′, d⟨W, W′⟩ = ρ dt; the state is (S, v).

    S begins at 1 where nothing else is said. Of v below 0 see `CoxIngersollRoss`.

    Args:
        drift: μ.
        rate: κ > 0.
        mean: m ≥ 0.
        volatility: σ ≥ 0, of the variance.
        correlation: ρ in [−1, 1].
        start_variance: v₀ ≥ 0.

    Source: S. Heston, Rev. Financ. Stud. 6 (1993), eqs. (1) and (4); L. Andersen & V. Piterbarg, Finance
    Stoch. 11 (2007), for moments that end to exist.

    Example:
        {kind: heston, drift: 0.05, rate: 2.0, mean: 0.04, volatility: 0.3, correlation: -0.7,
         start_variance: 0.04}
    """

    drift: float
    rate: Annotated[float, Gt(0)]
    mean: Annotated[float, Ge(0)]
    volatility: Annotated[float, Ge(0)]
    correlation: Annotated[float, Ge(-1), Le(1)]
    start_variance: Annotated[float, Ge(0)]

    @property
    def dim(self) -> int:
        """2."""
        return 2

    @property
    def factors(self) -> int:
        """2."""
        return 2

    @property
    def structure(self) -> Structure:
        """General: dW of the price moves nothing that dW′ of the variance scales, but not the other way; with
        ρ = ±1 or without volatility there is one of them alone."""
        return "commutative" if abs(self.correlation) == 1.0 or not self.volatility else "general"

    @property
    def growth(self) -> float:
        """2: the drift is linear."""
        return 2.0

    @property
    def names(self) -> tuple[str, ...]:
        """Price and variance."""
        return "price", "variance"

    @property
    def start(self) -> Array:
        """(1, v₀)."""
        return np.array([1.0, self.start_variance])

    def kernel(self) -> SurfaceKernel:
        """In the module of the square roots."""
        rho = self.correlation
        numbers = [self.drift, self.rate, self.mean, self.volatility, rho, math.sqrt(1.0 - rho**2)]
        return SurfaceKernel(
            "sdesim.sdes.kernels.square_root",
            "grad_heston",
            None,
            np.array(numbers),
            hvp="hvp_heston",
            factor="factor_heston",
            factors=2,
        )

    def moments(self, t: float, start: Any = None) -> Moments:
        """E S = S₀ e^{μt}; v as of `CoxIngersollRoss`; E[Sv] = E S (b v₀ + κm ∫₀ᵗ b), b = e^{(ρσ − κ)t};
        E[S²] = S₀² e^{2μt + A(t) + B(t) v₀}, B′ = 1 + (2ρσ − κ) B + ½σ²B², A′ = κ m B, A(0) = B(0) = 0.

        The variance of S is ∞ from the time on at which B ends.

        Raises:
            SdesimError: t = ∞: the price has no stationary law.
        """
        time, (price, v0) = known_time(t), self._from(start)
        if math.isinf(time):
            raise SdesimError("the price has no stationary law: t must be finite")
        process = CoxIngersollRoss(self.rate, self.mean, self.volatility).moments(time, v0)
        growth = float(price) * math.exp(self.drift * time)
        tilt = self.correlation * self.volatility - self.rate
        area = math.expm1(tilt * time) / tilt if tilt else time
        cross = growth * (math.exp(tilt * time) * v0 + self.rate * self.mean * area)
        second = growth**2 * math.exp(self._second(time, float(v0)))
        covariance = cross - growth * process.mean[0]
        matrix = [[second - growth**2, covariance], [covariance, process.covariance[0, 0]]]
        return Moments(np.array([growth, process.mean[0]]), np.array(matrix))

    def _second(self, time: float, v0: float) -> float:
        """A(t) + B(t) v₀; ∞ where B has ended before t."""
        from scipy.integrate import solve_ivp

        tilt, half = 2.0 * self.correlation * self.volatility - self.rate, 0.5 * self.volatility**2

        def slope(_: float, y: Array) -> list[float]:
            return [1.0 + tilt * y[0] + half * y[0] ** 2, self.rate * self.mean * y[0]]

        def ended(_: float, y: Array) -> float:
            return float(y[0] - 1e8)

        ended.terminal = True  # type: ignore[attr-defined]
        found = solve_ivp(slope, (0.0, time), [0.0, 0.0], "LSODA", events=ended, rtol=1e-11, atol=1e-13)
        if found.t[-1] < time:
            return math.inf
        return float(found.y[1, -1] + found.y[0, -1] * v0)
