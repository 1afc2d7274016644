"""α-stable noise whose jumps go along given directions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from numpy.typing import NDArray

from sdesim.errors import SdesimError
from sdesim.kinds import Misfit, Numbers, kind
from sdesim.noise.base import Array, Base, Noise, NoiseKernel, Sort, check_size
from sdesim.noise.levy.stable import Stable
from sdesim.noise.mixed import mixed


@kind("noises", "spectral")
@dataclass(frozen=True)
class Spectral(Base):
    """α-stable increments with a discrete spectral measure: Σ_j γ_j^{1/α} dt^{1/α} Z_j s_j.

    The characteristic function over dt is exp(−dt Σ_j γ_j |u·s_j|^α (1 − iβ tan(πα/2) sign u·s_j)); Z_j are
    independent S1 laws of unit scale and skew β. Any stable law is a limit of such. With β = 1 jumps go along
    s_j alone, with β = 0 both ways.

    Args:
        alpha: stability index in (0, 2).
        directions: s_j, (k, d); they are taken at unit length.
        weights: γ_j, a number or (k,), in units of θ^α per time; not negative.
        skew: β in [−1, 1]; 0 at α = 1.

    Raises:
        Misfit: a direction has no length, a weight is negative, or their numbers differ.

    Source: G. Samorodnitsky & M. Taqqu, Stable Non-Gaussian Random Processes (1994), §2.3; R. Modarres & J.
    Nolan, Comput. Stat. 9 (1994) 11.

    Example:
        {kind: spectral, alpha: 1.5, directions: [[1, 0, 0], [1, 1, 1]], weights: [0.2, 0.1]}
    """

    alpha: Annotated[float, Gt(0), Lt(2)]
    directions: Annotated[Any, Numbers(2)]
    weights: Annotated[Any, Numbers(0, 1)] = 1.0
    skew: Annotated[float, Ge(-1), Le(1)] = 0.0

    def __post_init__(self) -> None:
        count = len(self.directions)
        lengths = np.sqrt(np.sum(self.directions**2, axis=1))
        for k in np.flatnonzero(lengths == 0.0):
            raise Misfit(("directions", int(k)), "found a direction of length 0, allowed: any other")
        if isinstance(self.weights, np.ndarray) and len(self.weights) != count:
            raise Misfit("weights", f"found {len(self.weights)}, allowed: one, or {count}, one a direction")
        if np.any(np.asarray(self.weights) < 0):
            raise Misfit("weights", f"found {np.min(self.weights):g}, allowed: numbers of at least 0")
        if self.alpha == 1.0 and self.skew != 0.0:
            raise Misfit("skew", f"found {self.skew:g}, allowed: 0 at alpha 1")

    @cached_property
    def _matrix(self) -> Array:
        """γ_j^{1/α} s_j as columns (d, k)."""
        units = self.directions / np.sqrt(np.sum(self.directions**2, axis=1))[:, None]
        sizes = np.broadcast_to(np.asarray(self.weights) ** (1.0 / self.alpha), (len(units),))
        return np.ascontiguousarray((units * sizes[:, None]).T)

    @property
    def _sources(self) -> Noise:
        return Stable(self.alpha, 1.0, skew=self.skew)

    @property
    def sort(self) -> Sort:
        """Levy."""
        return "levy"

    @property
    def tail_index(self) -> float:
        """α."""
        return self.alpha

    @property
    def label(self) -> str:
        """With α."""
        return f"spectral α={self.alpha:g}"

    def validate(self, dim: int) -> None:
        """Check that the directions have dim coordinates.

        Raises:
            SdesimError: if they have not.
        """
        check_size(self.directions.shape[1], dim, "directions")
        if len(self.directions) >= 2**24:
            raise SdesimError("noise can have fewer than 2^24 directions")

    def exponent(self, u: Array) -> NDArray[np.complex128]:
        """Σ_j γ_j |u·s_j|^α (1 − iβ sgn(u·s_j) tan(πα/2))."""
        self.validate(u.shape[-1])
        along = u @ self._matrix
        turn = self.skew * math.tan(0.5 * math.pi * self.alpha) if self.skew else 0.0
        return np.asarray((np.abs(along) ** self.alpha * (1.0 - 1j * turn * np.sign(along))).sum(axis=-1))

    def kernel(self, dim: int, dt: float, learning_rate: float) -> NoiseKernel:
        """Increments over dt; the learning rate plays no part."""
        self.validate(dim)
        return mixed(self._sources.kernel(len(self.directions), dt, learning_rate), self._matrix)
