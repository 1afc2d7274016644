"""The Lorenz equations, with noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge
from numpy.typing import ArrayLike

from sdesim.errors import SdesimError
from sdesim.kinds import kind
from sdesim.kinds.numbers import Array, as_theta
from sdesim.sdes.base import Base
from sdesim.sdes.moments import Moments
from sdesim.surfaces.base import SurfaceKernel


@kind("sdes", "lorenz")
@dataclass(frozen=True)
class Lorenz(Base):
    """dx = σ (y − x) dt + f dW₁, dy = (x (ρ − z) − y) dt + f dW₂, dz = (x y − β z) dt + f dW₃.

    It begins at (1, 1, 1) where nothing else is said.
    Its moments at a time are not known in closed form; `balances` has means that are 0 in the stationary law,
    and without noise the volume of the state space shrinks at the rate σ + 1 + β, which is minus the sum of
    the Lyapunov exponents.

    Args:
        sigma: σ.
        rho: ρ.
        beta: β.
        factor: f ≥ 0, of dW, the same for each coordinate.

    Source: E. Lorenz, J. Atmos. Sci. 20 (1963), eqs. (25) to (27).

    Example:
        {kind: lorenz, factor: 0.5}
    """

    sigma: float = 10.0
    rho: float = 28.0
    beta: float = 8.0 / 3.0
    factor: Annotated[float, Ge(0)] = 0.0

    @property
    def dim(self) -> int:
        """3."""
        return 3

    @property
    def factors(self) -> int:
        """3, or 0 without noise."""
        return 3 if self.factor else 0

    @property
    def additive(self) -> bool:
        """True."""
        return True

    @property
    def constant_factor(self) -> Array | None:
        """f for each coordinate; None without noise."""
        return np.full(3, self.factor) if self.factor else None

    @property
    def growth(self) -> float:
        """3: the drift is quadratic."""
        return 3.0

    @property
    def names(self) -> tuple[str, ...]:
        """x, y and z."""
        return "x", "y", "z"

    @property
    def start(self) -> Array:
        """(1, 1, 1)."""
        return np.ones(3)

    def kernel(self) -> SurfaceKernel:
        """In its own module."""
        return SurfaceKernel(
            "sdesim.sdes.kernels.lorenz",
            "grad",
            None,
            np.array([self.sigma, self.rho, self.beta]),
            hvp="hvp",
        )

    def balances(self, states: ArrayLike) -> Array:
        """(…, 3) → (…, 3): σ (y − x), x y − β z, and σ x (y − x) + ½f², drifts of x, z and ½x².

        The mean of each is 0 in the stationary law, of a long path too.
        """
        x, y, z = np.moveaxis(as_theta(states, 3), -1, 0)
        square = self.sigma * x * (y - x) + 0.5 * self.factor**2
        return np.stack([self.sigma * (y - x), x * y - self.beta * z, square], axis=-1)

    def moments(self, t: float, start: Any = None) -> Moments:
        """Not known: see `balances`.

        Raises:
            SdesimError: always.
        """
        raise SdesimError(
            "the Lorenz equations have no moments in closed form: balances(states) has means of 0"
        )
